"""From an admin's yes to each capability of a version to the version that serves: agreed first, granted at the end.

Grants belong to a plugin, not to a version, so granting what an upgrade asks for would change what the version may do
that serves meanwhile. What an admin agrees to is therefore noted, and granted in the transaction that switches.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from . import lifecycle
from .audit import record_act
from .consent import scopes_to_approve
from .exceptions import PluginError, SecondPersonNeeded
from .grants import reaches
from .models import Agreement, Plugin, PluginVersion

__all__ = ["agree", "agreed_scopes", "go_back", "go_live", "mark_of", "mark_of_standing", "open_scopes"]

_NOTHING: Final = object()


def open_scopes(plugin: Plugin, version: PluginVersion) -> dict[str, Any]:
    """Return the scope to grant by each capability that needs an admin's yes before a verified version may have it.

    What is granted as far already is not among them, nor what an admin took away from an earlier version's wishes.
    """
    granted = {grant.capability: grant.scope for grant in plugin.grants.all()}
    return {
        name: scope
        for name, scope in scopes_to_approve(plugin, version).items()
        if name not in granted or not reaches(name, granted[name], scope)
    }


def agreed_scopes(version: PluginVersion, wanted: Mapping[str, Any]) -> dict[str, Agreement]:
    """Return by capability the agreements to a version that still count: those to exactly what would be granted."""
    found = version.agreements.select_related("agreed_by")
    return {each.capability: each for each in found if wanted.get(each.capability, _NOTHING) == each.scope}


def mark_of(wanted: Mapping[str, Any]) -> str:
    """Return a short text that is another one as soon as something else would be agreed to."""
    return hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()[:16]


def mark_of_standing(plugin: Plugin, version: PluginVersion) -> str:
    """Return a short text that is another one as soon as enabling a version would do something else."""
    wanted = open_scopes(plugin, version)
    agreed = {name: each.scope for name, each in agreed_scopes(version, wanted).items()}
    granted = {grant.capability: grant.scope for grant in plugin.grants.all()}
    standing = {"current": plugin.current_version_id, "is_enabled": plugin.is_enabled}
    return mark_of({**standing, "agreed": agreed, "granted": granted})


@transaction.atomic
def agree(
    version: PluginVersion, capabilities: Collection[str], *, mark: str, by: AbstractBaseUser | None = None
) -> tuple[str, ...]:
    """Note to which capabilities of a version an admin says yes, in place of what was noted before.

    Args:
        version: A verified version.
        capabilities: All that are agreed to; the others are not.
        mark: What ``mark_of`` said of the scopes that the admin saw.
        by: Who agrees.

    Returns:
        The capabilities that are agreed to now, sorted.

    Raises:
        SecondPersonNeeded: Who agrees uploaded the version, and the project wants two persons.
        PluginError: The version was refused, or by now something else would be granted than the admin saw.
    """
    plugin = _locked(version)
    _check_may_agree(plugin, version, by)
    wanted = open_scopes(plugin, version)
    if mark_of(wanted) != mark:
        raise PluginError("what would be granted has changed since the page was opened: look at it again")
    chosen = tuple(sorted(set(capabilities) & wanted.keys()))
    version.agreements.exclude(capability__in=chosen).delete()
    for name in chosen:
        said = {"scope": wanted[name], "agreed_by_id": None if by is None else by.pk}
        Agreement.objects.update_or_create(version=version, capability=name, defaults=said)
    record_act(by, "agree", plugin, version=version, details={"scopes": {name: wanted[name] for name in chosen}})
    return chosen


@transaction.atomic
def go_live(version: PluginVersion, *, mark: str, by: AbstractBaseUser | None = None) -> Plugin:
    """Grant what was agreed to and let a version serve, both or neither.

    Args:
        version: A verified version.
        mark: What ``mark_of_standing`` said when the admin saw what would happen.
        by: Who wants it.

    Raises:
        CapabilityDenied: The version needs a capability that is neither granted nor agreed to.
        SignatureRefused: Signatures are enforced, and the version's is not trusted.
        SecondPersonNeeded: Who wants it uploaded the version, and the project wants two persons.
        PluginError: The version was refused, or by now something else would happen than the admin saw.
    """
    plugin = _locked(version)
    _check_may_agree(plugin, version, by)
    _check_mark(plugin, version, mark)
    for name, agreement in agreed_scopes(version, open_scopes(plugin, version)).items():
        lifecycle.grant(plugin, name, agreement.scope, by=by)
    if plugin.is_enabled and plugin.current_version_id != version.pk:
        plugin = lifecycle.use_version(plugin, version.number, by=by)
    else:
        plugin = lifecycle.enable(plugin, version=version.number, by=by)
    version.agreements.all().delete()
    return plugin


@transaction.atomic
def go_back(version: PluginVersion, *, mark: str, by: AbstractBaseUser | None = None) -> Plugin:
    """Make an earlier version the current one again, if that does what an admin saw that it would.

    Args:
        version: A verified version.
        mark: What ``mark_of_standing`` said when the admin saw what would happen.
        by: Who wants it.

    Raises:
        CapabilityDenied: The plugin is enabled, and the version needs a capability that nobody granted.
        SignatureRefused: The plugin is enabled, signatures are enforced, and the version's is not trusted.
        SecondPersonNeeded: Who wants it uploaded the version, and the project wants two persons.
        PluginError: The version was refused, or by now something else would happen than the admin saw.
    """
    plugin = _locked(version)
    _check_mark(plugin, version, mark)
    return lifecycle.use_version(plugin, version.number, by=by)


def _check_mark(plugin: Plugin, version: PluginVersion, mark: str) -> None:
    if mark_of_standing(plugin, version) != mark:
        raise PluginError("what would happen has changed since the page was opened: look at it again")


def _locked(version: PluginVersion) -> Plugin:
    """Return the version's plugin as it is now; whoever else wants to change it waits until we are done."""
    return Plugin.objects.select_for_update().get(pk=version.plugin_id)


def _check_may_agree(plugin: Plugin, version: PluginVersion, by: AbstractBaseUser | None) -> None:
    if version.state != PluginVersion.State.VERIFIED:
        raise PluginError(f"was refused: {version.problem}", plugin=plugin.name, version=version.number)
    if lifecycle.needs_second_person(version, by):
        raise SecondPersonNeeded(
            "was uploaded by the user who wants this for it: somebody else has to do it",
            plugin=plugin.name,
            version=version.number,
        )
