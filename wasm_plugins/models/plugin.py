"""A plugin, its versions, what was granted to it, and the stored objects it came from."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..manifest import NAME_CHARS, Manifest


class Plugin(models.Model):
    """The installed thing: one row for each name, whatever versions of it came by."""

    name = models.CharField(_("name"), max_length=NAME_CHARS, unique=True)
    is_enabled = models.BooleanField(_("enabled"), default=False)
    current_version = models.ForeignKey(
        "PluginVersion",
        verbose_name=_("current version"),
        on_delete=models.RESTRICT,
        null=True,
        blank=True,
        related_name="+",
    )
    limits = models.JSONField(_("limits"), default=dict, db_default={}, blank=True)
    """What its calls may spend where that is not the project's default: number by name of the limit."""
    settings = models.JSONField(_("settings"), default=dict, db_default={}, blank=True)
    """What an admin set, as the plugin's own schema has it; for what is left out, the schema's default holds."""
    created_at = models.DateTimeField(_("found"), auto_now_add=True)

    class Meta:
        verbose_name = _("plugin")
        verbose_name_plural = _("plugins")
        ordering: ClassVar = ["name"]
        permissions: ClassVar = [
            ("upload_plugin", "Can upload plugins"),
            ("approve_plugin", "Can approve, enable, disable and roll back plugins"),
            ("tune_plugin", "Can change the limits of plugins and release them from quarantine"),
            ("run_plugin", "Can run plugins by hand, and cancel and retry their runs"),
        ]

    def __str__(self) -> str:
        return self.name


class PluginVersion(models.Model):
    """One distinct upload of a plugin; nothing about it changes once it is recorded."""

    class State(models.TextChoices):
        """What verification said."""

        VERIFIED = "verified", _("verified")
        REFUSED = "refused", _("refused")

    class Trust(models.TextChoices):
        """What its signature said when it was recorded; a key may have been revoked since."""

        UNSIGNED = "unsigned", _("unsigned")
        SIGNED = "signed", _("signed")
        MODIFIED = "modified", _("modified after it was signed")
        REVOKED = "revoked", _("signed with a revoked key")
        UNKNOWN = "unknown", _("signed with an unknown key")

    plugin = models.ForeignKey(Plugin, verbose_name=_("plugin"), on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("number"))
    """Counts a plugin's uploads from 1."""
    digest = models.CharField(_("SHA-256"), max_length=64)
    size_bytes = models.PositiveBigIntegerField(_("size in bytes"))
    state = models.CharField(_("state"), max_length=16, choices=State.choices)
    error_code = models.CharField(_("error code"), max_length=64, blank=True)
    problem = models.TextField(_("why it was refused"), blank=True)
    findings = models.JSONField(_("findings"), default=list, blank=True)
    """What verification wants an admin to know although it is no refusal: a list of texts."""
    manifest = models.JSONField(_("manifest"), null=True, blank=True)
    """``Manifest.as_json()`` of a verified version, else null."""
    imports = models.JSONField(_("imports"), default=list, blank=True)
    """Full names of the imported interfaces."""
    exports = models.JSONField(_("exports"), default=dict, blank=True)
    """Exported functions by name, each with its type as WIT text."""
    trust = models.CharField(
        _("signature"), max_length=16, choices=Trust.choices, default=Trust.UNSIGNED, db_default=Trust.UNSIGNED.value
    )
    signing_key = models.CharField(_("signing key"), max_length=64, blank=True, default="", db_default="")
    """The public key that its signature names, in hexadecimal, or empty."""
    statement = models.JSONField(_("signed statement"), null=True, blank=True)
    """What the signature is about: name, version, digest and capabilities, or null."""
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("uploaded by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    """Who brought it in through the admin, or null for what storage brought."""
    created_at = models.DateTimeField(_("recorded"), auto_now_add=True)

    class Meta:
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        ordering: ClassVar = ["plugin", "-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plugin", "digest"], name="wasm_plugins_version_digest"),
            models.UniqueConstraint(fields=["plugin", "number"], name="wasm_plugins_version_number"),
        ]

    def __str__(self) -> str:
        return f"{self.plugin.name} {self.number}"

    @property
    def declared(self) -> Manifest:
        """What a verified version declares.

        Raises:
            ValueError: The version was refused.
        """
        if self.manifest is None:
            raise ValueError(f"{self} was refused, so it declares nothing")
        return Manifest.from_json(self.manifest)


class Grant(models.Model):
    """An admin's yes to one capability of one plugin, with its scope."""

    plugin = models.ForeignKey(Plugin, verbose_name=_("plugin"), on_delete=models.CASCADE, related_name="grants")
    capability = models.CharField(_("capability"), max_length=64)
    scope = models.JSONField(_("scope"), default=dict, blank=True)
    """How far it reaches, for example ``{"tables": {"shop_order": ["select"]}}``."""
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("granted by"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    granted_at = models.DateTimeField(_("granted"), auto_now=True)

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        ordering: ClassVar = ["plugin", "capability"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plugin", "capability"], name="wasm_plugins_grant_capability"),
        ]

    def __str__(self) -> str:
        return f"{self.plugin.name}: {self.capability}"


class StoredObject(models.Model):
    """One object under the upload prefix as the last sync saw it, with what is wrong with it."""

    key = models.CharField(_("key"), max_length=1024, unique=True)
    fingerprint = models.CharField(_("fingerprint"), max_length=255)
    """What a listing tells of its content; as long as it stays the same, the object is not fetched again."""
    size_bytes = models.PositiveBigIntegerField(_("size in bytes"))
    version = models.ForeignKey(
        PluginVersion,
        verbose_name=_("version"),
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="stored_objects",
    )
    problem = models.TextField(_("problem"), blank=True)
    seen_at = models.DateTimeField(_("last changed"), auto_now=True)

    class Meta:
        verbose_name = _("stored object")
        verbose_name_plural = _("stored objects")
        ordering: ClassVar = ["key"]

    def __str__(self) -> str:
        return self.key
