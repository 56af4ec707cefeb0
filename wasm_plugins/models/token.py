"""Tokens of the HTTP API: each acts as one user, for a time, and is kept only as a hash."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..conf import conf

KEY_CHARS = 16
"""Length of the part of a token that is no secret."""


class ApiToken(models.Model):
    """What lets a program do what its user may; the token itself is nowhere but with that program."""

    class Act(models.TextChoices):
        """What a token may be used for; its user needs the permission as well."""

        SEE = "see", _("see how plugins stand")
        LOG = "log", _("read what plugins wrote")
        UPLOAD = "upload", _("upload versions")
        ENABLE = "enable", _("enable a version")
        GRANT = "grant", _("grant what a version asks for")

    name = models.CharField(_("name"), max_length=100)
    """What it is for, for people."""
    key = models.CharField(_("key"), max_length=KEY_CHARS, unique=True, editable=False)
    """The part by which it is found and spoken of, in hexadecimal; no secret."""
    digest = models.CharField(_("SHA-256 of the secret"), max_length=64, editable=False)
    """Of 256 random bits, which nobody guesses: no salt and no stretching makes that harder."""
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("acts as"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    """Whose permissions it has, as they are at each call; a token of a user who was deleted is good for nothing."""
    acts = models.JSONField(_("may"), default=list)
    """Values of ``Act``."""
    plugins = models.JSONField(_("plugins"), default=list, blank=True)
    """Names of the plugins that it is for; none means all."""
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering: ClassVar = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.name} ({self.key})"

    @property
    def ends_at(self) -> datetime:
        """When it ends: as was said when it was made, or earlier if the project shortened all tokens' lives."""
        return min(self.expires_at, self.created_at + timedelta(days=conf.API_TOKEN_MAX_DAYS))

    @property
    def has_user(self) -> bool:
        """Whether its user may act: he is active, and staff, without which nobody does anything in the admin either."""
        return self.user is not None and self.user.is_active and getattr(self.user, "is_staff", False)

    @property
    def is_expired(self) -> bool:
        """Whether its time is over."""
        return self.ends_at <= timezone.now()

    def allows(self, act: str, plugin: str | None = None) -> bool:
        """Tell whether the token is for an act, and for a plugin if one is named; whether the user may is not asked."""
        return act in self.acts and (plugin is None or not self.plugins or plugin in self.plugins)
