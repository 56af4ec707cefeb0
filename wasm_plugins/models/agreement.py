"""What an admin agreed to on the way to enabling a version; nothing of it is granted before the version is enabled."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .plugin import PluginVersion


class Agreement(models.Model):
    """An admin's yes to one capability of one version; it becomes a grant when the version begins to serve."""

    version = models.ForeignKey(
        PluginVersion, verbose_name=_("version"), on_delete=models.CASCADE, related_name="agreements"
    )
    capability = models.CharField(_("capability"), max_length=64)
    scope = models.JSONField(_("scope"), default=dict, blank=True)
    """What the admin saw: where another one would be granted by now, the yes does not count."""
    agreed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("agreed by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    agreed_at = models.DateTimeField(_("agreed"), auto_now=True)

    class Meta:
        verbose_name = _("agreement")
        verbose_name_plural = _("agreements")
        ordering: ClassVar = ["version", "capability"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "capability"], name="wasm_plugins_agreement_capability"),
        ]

    def __str__(self) -> str:
        return f"{self.version}: {self.capability}"
