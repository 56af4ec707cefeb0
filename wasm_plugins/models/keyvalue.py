"""What plugins keep in their key-value stores, and how much each of them keeps."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..manifest import NAME_CHARS
from .plugin import Plugin

KEY_CHARS: Final = 1_024
"""Longest key that the column holds; what a plugin may use is a limit of its own, and less."""


class KeyValue(models.Model):
    """One value of one plugin. It lives as long as the plugin, whatever version serves."""

    plugin = models.ForeignKey(Plugin, verbose_name=_("plugin"), on_delete=models.CASCADE, related_name="key_values")
    bucket = models.CharField(_("bucket"), max_length=NAME_CHARS)
    key = models.CharField(_("key"), max_length=KEY_CHARS)
    value = models.BinaryField(_("value"))
    size_bytes = models.PositiveIntegerField(_("size in bytes"))
    """What it counts for: the key in UTF-8 and the value."""
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("stored value")
        verbose_name_plural = _("stored values")
        ordering: ClassVar = ["plugin", "bucket", "key"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plugin", "bucket", "key"], name="wasm_plugins_keyvalue_key")
        ]

    def __str__(self) -> str:
        return f"{self.plugin.name}/{self.bucket}: {self.key[:80]}"


class KeyValueUsage(models.Model):
    """How much one plugin keeps. Who changes that first takes its turn, by an advisory lock: the numbers stay true."""

    plugin = models.OneToOneField(
        Plugin, verbose_name=_("plugin"), on_delete=models.CASCADE, primary_key=True, related_name="key_value_usage"
    )
    keys = models.PositiveIntegerField(_("keys"), default=0)
    size_bytes = models.PositiveBigIntegerField(_("size in bytes"), default=0)

    class Meta:
        verbose_name = _("key-value store")
        verbose_name_plural = _("key-value stores")
        ordering: ClassVar = ["plugin__name"]

    def __str__(self) -> str:
        return self.plugin.name
