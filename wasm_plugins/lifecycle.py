"""The acts of an admin on a plugin's records; each is one transaction, and every process notices it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from .capabilities import DATABASE
from .declarations import follow_manifest
from .exceptions import CapabilityDenied, PluginError
from .grants import check_grant, missing_grants
from .host.sql import roles_apply
from .host.sql.grants import TableGrant
from .models import Grant, Plugin, PluginVersion
from .registry import mark_changed
from .trust import check_may_serve
from .tuning import check_limits

__all__ = [
    "delete",
    "disable",
    "enable",
    "follow_manifest",
    "grant",
    "previous_version",
    "revoke",
    "set_limits",
    "use_version",
]

logger = logging.getLogger(__name__)


@transaction.atomic
def enable(plugin: Plugin, *, version: int | None = None, by: AbstractBaseUser | None = None) -> Plugin:
    """Let a plugin serve, with one of its versions.

    Args:
        plugin: Whom to enable.
        version: Number of the version that is to serve; ``None`` means the current one.
        by: Who wants it, for the log.

    Raises:
        CapabilityDenied: The version needs a capability that nobody granted.
        SignatureRefused: Signatures are enforced, and the version's is not trusted.
        PluginError: There is no such version, or it was refused.
    """
    plugin = _locked(plugin)
    chosen = _find_version(plugin, version)
    check_may_serve(plugin, chosen)
    _check_grants(plugin, chosen)
    _switch(plugin, chosen)
    plugin.is_enabled = True
    plugin.save(update_fields=["is_enabled"])
    _done(f"enabled with version {chosen.number}", plugin, by)
    return plugin


@transaction.atomic
def disable(plugin: Plugin, by: AbstractBaseUser | None = None) -> Plugin:
    """Let a plugin no longer serve; calls that have begun go on to their end."""
    plugin = _locked(plugin)
    plugin.is_enabled = False
    plugin.save(update_fields=["is_enabled"])
    _done("disabled", plugin, by)
    return plugin


@transaction.atomic
def use_version(plugin: Plugin, number: int, by: AbstractBaseUser | None = None) -> Plugin:
    """Make another version the current one: approve a new one, or go back to an old one.

    Raises:
        CapabilityDenied: The plugin is enabled, and the version needs a capability that nobody granted.
        SignatureRefused: The plugin is enabled, signatures are enforced, and the version's is not trusted.
        PluginError: There is no such version, or it was refused.
    """
    plugin = _locked(plugin)
    chosen = _find_version(plugin, number)
    if plugin.is_enabled:
        check_may_serve(plugin, chosen)
        _check_grants(plugin, chosen)
    _switch(plugin, chosen)
    _done(f"switched to version {number}", plugin, by)
    return plugin


@transaction.atomic
def grant(plugin: Plugin, capability: str, scope: Any, by: AbstractBaseUser | None = None) -> Grant:
    """Say yes to one capability of a plugin, in place of an earlier yes to it.

    Args:
        plugin: Who gets it.
        capability: One of ``CAPABILITIES``.
        scope: How far it reaches, as JSON.
        by: Who grants it.

    Raises:
        ValueError: There is no such capability, or its scope has another shape.
    """
    check_grant(capability, scope)
    plugin = _locked(plugin)
    defaults = {"scope": scope, "granted_by_id": None if by is None else by.pk}
    granted, _ = Grant.objects.update_or_create(plugin=plugin, capability=capability, defaults=defaults)
    _follow(plugin, capability, scope)
    _done(f"granted {capability}", plugin, by)
    return granted


@transaction.atomic
def revoke(plugin: Plugin, capability: str, by: AbstractBaseUser | None = None) -> bool:
    """Take a capability back; a plugin that needs it no longer serves until it is granted again.

    Returns:
        Whether it was granted before.
    """
    plugin = _locked(plugin)
    count, _ = Grant.objects.filter(plugin=plugin, capability=capability).delete()
    _follow(plugin, capability, {})
    _done(f"revoked {capability}", plugin, by)
    return count > 0


@transaction.atomic
def set_limits(plugin: Plugin, limits: Mapping[str, int], by: AbstractBaseUser | None = None) -> Plugin:
    """Let a plugin's calls spend other amounts than the project's; every process notices.

    Args:
        plugin: Whose calls.
        limits: All numbers of its own, by the names in ``tuning.LIMITS``; for a limit that is left out, the project's
            setting holds.
        by: Who wants it, for the log.

    Raises:
        ValueError: There is no such limit, or a number is out of its range.
    """
    check_limits(limits)
    plugin = _locked(plugin)
    plugin.limits = dict(limits)
    plugin.save(update_fields=["limits"])
    shown = ", ".join(f"{name} {number}" for name, number in sorted(limits.items())) or "those of the project"
    _done(f"set its limits to {shown}", plugin, by)
    return plugin


@transaction.atomic
def delete(plugin: Plugin, by: AbstractBaseUser | None = None) -> None:
    """Forget a plugin with everything that was recorded of it; what lies in storage is found again by the next sync."""
    plugin = _locked(plugin)
    _done("deleted", plugin, by)
    _follow(plugin, DATABASE, {})
    Plugin.objects.filter(pk=plugin.pk).update(current_version=None)  # the row protects its current version
    Plugin.objects.get(pk=plugin.pk).delete()


def previous_version(plugin: Plugin) -> int | None:
    """Return the number of the last verified version before the current one, or ``None``."""
    verified = plugin.versions.filter(state=PluginVersion.State.VERIFIED)
    if plugin.current_version is not None:
        verified = verified.filter(number__lt=plugin.current_version.number)
    return verified.order_by("-number").values_list("number", flat=True).first()


def _locked(plugin: Plugin) -> Plugin:
    """Return the plugin as it is now; whoever else wants to change it waits until we are done."""
    return Plugin.objects.select_for_update().get(pk=plugin.pk)


def _find_version(plugin: Plugin, number: int | None) -> PluginVersion:
    if number is None and plugin.current_version is not None:
        return plugin.current_version
    if number is None:
        raise PluginError("has no verified version yet", plugin=plugin.name)
    version = plugin.versions.filter(number=number).first()
    if version is None:
        raise PluginError(f"has no version {number}", plugin=plugin.name)
    if version.state != PluginVersion.State.VERIFIED:
        raise PluginError(f"was refused: {version.problem}", plugin=plugin.name, version=number)
    return version


def _check_grants(plugin: Plugin, version: PluginVersion) -> None:
    if missing := missing_grants(plugin, version):
        raise CapabilityDenied(
            f"needs {', '.join(missing)}, which nobody granted",
            missing=", ".join(missing),
            plugin=plugin.name,
            version=version.number,
        )


def _switch(plugin: Plugin, version: PluginVersion) -> None:
    plugin.current_version = version
    plugin.save(update_fields=["current_version"])
    follow_manifest(plugin)


def _follow(plugin: Plugin, capability: str, scope: Any) -> None:
    """Have the databases' own rights follow, where the plugin has a role there."""
    if capability == DATABASE:
        roles_apply.follow(plugin.name, TableGrant.from_scope(scope))


def _done(act: str, plugin: Plugin, by: AbstractBaseUser | None) -> None:
    mark_changed()
    logger.info("plugin %s: %s by %s", plugin.name, act, "the system" if by is None else by.get_username())
