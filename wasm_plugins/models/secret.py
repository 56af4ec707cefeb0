"""A plugin's secrets, encrypted at rest."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from .plugin import Plugin


class Secret(models.Model):
    """One named value of one plugin, which can be written and used but never be looked at again."""

    plugin = models.ForeignKey(Plugin, verbose_name=_("plugin"), on_delete=models.CASCADE, related_name="secrets")
    name = models.CharField(_("name"), max_length=128)
    ciphertext = models.TextField(_("encrypted value"), editable=False)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("set by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    updated_at = models.DateTimeField(_("set"), auto_now=True)

    class Meta:
        verbose_name = _("secret")
        verbose_name_plural = _("secrets")
        ordering: ClassVar = ["plugin", "name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plugin", "name"], name="wasm_plugins_secret_name"),
        ]

    def __str__(self) -> str:
        return f"{self.plugin.name}: {self.name}"
