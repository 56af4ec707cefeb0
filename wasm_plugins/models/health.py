"""How a version behaves: what the circuit breaker knows of it, and whether it has ended processes."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from .plugin import PluginVersion


class VersionHealth(models.Model):
    """One version's health, shared by all processes; a version without a row is well."""

    version = models.OneToOneField(
        PluginVersion, verbose_name=_("version"), on_delete=models.CASCADE, related_name="health"
    )
    opened_at = models.DateTimeField(_("asleep since"), null=True, blank=True)
    """When its circuit breaker opened, or null while it is closed."""
    open_until = models.DateTimeField(_("asleep until"), null=True, blank=True)
    """When one call may try whether it is well again."""
    times_opened = models.PositiveIntegerField(_("times fallen asleep"), default=0)
    """In a row: each doubles how long it sleeps, and one good call forgets them."""
    deaths = models.PositiveSmallIntegerField(_("processes ended"), default=0)
    """How many processes died while it was called."""
    quarantined_at = models.DateTimeField(_("quarantined"), null=True, blank=True)
    """When it had ended too many; until an admin releases it, nothing calls it."""
    last_error_code = models.CharField(_("last error code"), max_length=64, blank=True)
    last_error = models.TextField(_("last error"), blank=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("health")
        verbose_name_plural = _("health")
        ordering: ClassVar = ["version"]

    def __str__(self) -> str:
        return f"health of {self.version}"
