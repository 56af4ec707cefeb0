"""The acts of an admin on a plugin's records; each is one transaction, and every process notices it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from . import components
from .audit import record_act
from .capabilities import DATABASE
from .conf import conf
from .declarations import follow_manifest
from .exceptions import CapabilityDenied, PluginError, SecondPersonNeeded
from .grants import check_grant, missing_grants
from .host.sql import roles_apply
from .models import AuditEntry, Grant, KeptCall, Plugin, PluginVersion, VersionHealth
from .registry import mark_changed
from .scopes.tables import TableGrant
from .trust import check_may_serve
from .tuning import check_limits, raised_limits, readable_limits

__all__ = [
    "delete",
    "disable",
    "enable",
    "follow_manifest",
    "grant",
    "needs_second_person",
    "previous_version",
    "release",
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
        SecondPersonNeeded: Who wants it uploaded the version, and the project wants two persons.
        PluginError: There is no such version, or it was refused.
    """
    plugin = _locked(plugin)
    chosen = _find_version(plugin, version)
    check_may_serve(plugin, chosen)
    _check_second_person(plugin, [chosen], by)
    _check_grants(plugin, chosen)
    _switch(plugin, chosen)
    plugin.is_enabled = True
    plugin.save(update_fields=["is_enabled"])
    _done("enable", plugin, by, version=chosen)
    return plugin


@transaction.atomic
def disable(plugin: Plugin, by: AbstractBaseUser | None = None) -> Plugin:
    """Let a plugin no longer serve; calls that have begun go on to their end."""
    plugin = _locked(plugin)
    plugin.is_enabled = False
    plugin.save(update_fields=["is_enabled"])
    _done("disable", plugin, by, version=plugin.current_version)
    return plugin


@transaction.atomic
def use_version(plugin: Plugin, number: int, by: AbstractBaseUser | None = None) -> Plugin:
    """Make another version the current one: approve a new one, or go back to an old one.

    Raises:
        CapabilityDenied: The plugin is enabled, and the version needs a capability that nobody granted.
        SignatureRefused: The plugin is enabled, signatures are enforced, and the version's is not trusted.
        SecondPersonNeeded: Who wants it uploaded the version, and the project wants two persons.
        PluginError: There is no such version, or it was refused.
    """
    plugin = _locked(plugin)
    chosen = _find_version(plugin, number)
    _check_second_person(plugin, [chosen], by)
    if plugin.is_enabled:
        check_may_serve(plugin, chosen)
        _check_grants(plugin, chosen)
    left = plugin.current_version
    is_older = left is not None and chosen.number < left.number
    _switch(plugin, chosen)
    details = {"from": None if left is None else left.number}
    _done("rollback" if is_older else "approve", plugin, by, version=chosen, details=details)
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
        SecondPersonNeeded: Who wants it uploaded a version that it is for, and the project wants two persons.
        ValueError: There is no such capability, or its scope has another shape.
    """
    check_grant(capability, scope)
    plugin = _locked(plugin)
    _check_second_person(plugin, _could_use_more(plugin), by)
    defaults = {"scope": scope, "granted_by_id": None if by is None else by.pk}
    granted, _ = Grant.objects.update_or_create(plugin=plugin, capability=capability, defaults=defaults)
    _follow(plugin, capability, scope)
    _done("grant", plugin, by, subject=capability, details={"scope": scope})
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
    _done("revoke", plugin, by, subject=capability)
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
        SecondPersonNeeded: Who wants it uploaded a version that it is for, the project wants two persons, and a number
            is larger than both the plugin's and the project's.
        ValueError: There is no such limit, or a number is out of its range.
    """
    check_limits(limits)
    plugin = _locked(plugin)
    if raised_limits(readable_limits(plugin.limits, plugin.name), limits):
        _check_second_person(plugin, _could_use_more(plugin), by)
    plugin.limits = dict(limits)
    plugin.save(update_fields=["limits"])
    _done("limits", plugin, by, details={"limits": plugin.limits})
    return plugin


@transaction.atomic
def release(plugin: Plugin, by: AbstractBaseUser | None = None) -> list[int]:
    """Let all versions of a plugin be called again: those in quarantine, and those that sleep.

    What this machine remembers of bytes that ended processes while they were verified is forgotten, too.

    Returns:
        The numbers of the versions that were in quarantine or asleep.

    Raises:
        SecondPersonNeeded: Who wants it uploaded the current version or one in quarantine, something is in quarantine,
            and the project wants two persons.
    """
    plugin = _locked(plugin)
    _check_second_person(plugin, _held_back(plugin), by)
    ill = VersionHealth.objects.filter(version__plugin=plugin)
    numbers = sorted(ill.exclude(quarantined_at=None, open_until=None).values_list("version__number", flat=True))
    ill.delete()
    for digest in plugin.versions.values_list("digest", flat=True):
        components.forgive(digest)
    _done("release", plugin, by, version=plugin.current_version, details={"versions": numbers})
    return numbers


@transaction.atomic
def delete(plugin: Plugin, by: AbstractBaseUser | None = None) -> None:
    """Forget a plugin with everything that was recorded of it; what lies in storage is found again by the next sync."""
    plugin = _locked(plugin)
    _follow(plugin, DATABASE, {})
    _done("delete", plugin, by, version=plugin.current_version)
    KeptCall.objects.filter(plugin=plugin.name).delete()  # known by name alone
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


def _check_second_person(plugin: Plugin, versions: Iterable[PluginVersion], by: AbstractBaseUser | None) -> None:
    """Refuse whoever uploaded a version; a command, which has no user, is whoever may run commands anyway."""
    for version in versions:
        if needs_second_person(version, by):
            raise SecondPersonNeeded(
                "was uploaded by the user who wants this for it: somebody else has to do it",
                plugin=plugin.name,
                version=version.number,
            )


def needs_second_person(version: PluginVersion, by: AbstractBaseUser | None) -> bool:
    """Tell whether somebody else than this user has to approve a version."""
    if not conf.TWO_PERSONS or by is None:
        return False
    return version.uploaded_by_id == by.pk or _has_uploaded(by, version.digest)


def _has_uploaded(by: AbstractBaseUser, digest: str) -> bool:
    """Tell whether a user once uploaded these bytes, even if the plugin was deleted and found again since."""
    return AuditEntry.objects.filter(act="upload", digest=digest, user_id=by.pk).exists()


def _held_back(plugin: Plugin) -> list[PluginVersion]:
    """Return the versions in quarantine, by the records or as this machine knows, and the current one with them."""
    versions = list(plugin.versions.select_related("health"))
    found = [each for each in versions if _is_quarantined(each) or components.is_suspect(each.digest)]
    return found and [*found, *(each for each in versions if each.pk == plugin.current_version_id)]


def _is_quarantined(version: PluginVersion) -> bool:
    health: VersionHealth | None = getattr(version, "health", None)
    return health is not None and health.quarantined_at is not None


def _could_use_more(plugin: Plugin) -> Iterable[PluginVersion]:
    """Return the version that serves, and those that may come after it."""
    verified = plugin.versions.filter(state=PluginVersion.State.VERIFIED)
    current = plugin.current_version
    return verified if current is None else verified.filter(number__gte=current.number)


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


def _done(act: str, plugin: Plugin, by: AbstractBaseUser | None, **said: Any) -> None:
    entry = record_act(by, act, plugin, **said)
    mark_changed()
    which = f"{act} {entry.subject or (f'version {entry.version}' if entry.version else '')}".strip()
    logger.info("plugin %s: %s by %s", plugin.name, which, entry.username or "the system")
