"""How a plugin stands, in words that an admin reads."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .conf import conf
from .grants import missing_grants
from .models import Plugin, PluginVersion, VersionHealth
from .trust import ENFORCE, Keys, load_keys, objection_to


class PluginState(models.TextChoices):
    """How a plugin stands."""

    RUNNING = "running", _("running")
    WAITING = "waiting", _("waiting for approval")
    OFF = "off", _("off")
    UNTRUSTED = "untrusted", _("signature not trusted")
    ASLEEP = "asleep", _("asleep after failures")
    QUARANTINED = "quarantined", _("in quarantine")
    REFUSED = "refused", _("refused")


def state_of(plugin: Plugin, keys: Keys | None = None) -> PluginState:
    """Return how a plugin stands: what matters most to an admin wins.

    Args:
        plugin: Which one.
        keys: The keys that are trusted, where the caller has read them for many plugins at once.
    """
    version = plugin.current_version
    if version is None or version.state != PluginVersion.State.VERIFIED:
        return PluginState.REFUSED
    health = health_of(version)
    if health is not None and health.quarantined_at is not None:
        return PluginState.QUARANTINED
    if not plugin.is_enabled:
        return PluginState.OFF
    if conf.SIGNATURES == ENFORCE and objection_to(version, keys or load_keys()):
        return PluginState.UNTRUSTED
    if health is not None and health.open_until is not None:
        return PluginState.ASLEEP
    return PluginState.WAITING if missing_grants(plugin, version) else PluginState.RUNNING


def health_of(version: PluginVersion) -> VersionHealth | None:
    """Return what is known of a version's health, or ``None`` while it is well."""
    return getattr(version, "health", None)


def waiting_version(plugin: Plugin) -> PluginVersion | None:
    """Return the newest verified version if it is newer than the one that serves, else ``None``."""
    newest = next(
        (each for each in plugin.versions.all() if each.state == PluginVersion.State.VERIFIED), None
    )  # newest first, by the model's ordering
    current = plugin.current_version
    return newest if newest is not None and (current is None or newest.number > current.number) else None
