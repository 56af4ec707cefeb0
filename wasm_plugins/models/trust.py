"""Whose signatures count: public keys that an admin trusts, beside those of the project's settings."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class TrustedKey(models.Model):
    """A public key whose signatures on components are believed, until it is revoked."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    """Whose key it is, for people."""
    public_key = models.CharField(_("public key"), max_length=64, unique=True)
    """The Ed25519 public key, 32 bytes in hexadecimal (RFC 8032)."""
    is_revoked = models.BooleanField(_("revoked"), default=False)
    """A revoked key's row stays: what it signed must be known as revoked, not as unknown."""
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("added by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    added_at = models.DateTimeField(_("added"), auto_now_add=True)
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True)

    class Meta:
        verbose_name = _("trusted key")
        verbose_name_plural = _("trusted keys")
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name
