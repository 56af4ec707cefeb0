"""Why nothing calls a plugin just now, and what an operator does about it."""

from __future__ import annotations

from .conf import PREFIX, is_safe_mode
from .grants import missing_grants
from .models import Plugin, PluginVersion
from .states import PluginState, health_of, state_of
from .trust import Keys, load_keys, objection_to, way_out


def why_not_called(plugin: Plugin, keys: Keys | None = None) -> str:
    """Say why a plugin is not called and what to do, in one line, or return an empty text where it is.

    Args:
        plugin: Which one.
        keys: The keys that are trusted, where the caller has read them for many plugins at once.
    """
    if is_safe_mode():
        return f"safe mode is on: unset {PREFIX}SAFE_MODE"
    keys = keys or load_keys()
    version = plugin.current_version
    state = state_of(plugin, keys)
    if version is None or state == PluginState.REFUSED:
        return "it has no verified version: plugins list says why"
    if state == PluginState.OFF:
        return f"it is off: plugins enable {plugin.name}"
    if state == PluginState.WAITING:
        missing = ", ".join(missing_grants(plugin, version))
        remedy = f"plugins enable {plugin.name} --grant requested"
        return f"version {version.number} needs {missing}, which nobody granted: {remedy}"
    if state == PluginState.UNTRUSTED:
        return f"version {version.number}: {objection_to(version, keys)}; {way_out(plugin, version, keys)}"
    return _why_ill(plugin, version)


def _why_ill(plugin: Plugin, version: PluginVersion) -> str:
    health = health_of(version)
    if health is None:
        return ""
    if health.quarantined_at is not None:
        said = f"version {version.number} is in quarantine: {health.deaths} processes died while it ran"
    elif health.open_until is not None:
        until = f"{health.open_until:%Y-%m-%d %H:%M:%S %Z}"
        said = f"version {version.number} is asleep after failures until {until}: {health.last_error_code}"
    else:
        return ""
    return f"{said}; plugins release {plugin.name} ends this"
