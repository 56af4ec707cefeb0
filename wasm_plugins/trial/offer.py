"""Which version a trial calls, what that one may do in it, and what it declares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .. import components
from ..capabilities import HTTP
from ..declarations import DeclaredRows
from ..exceptions import PluginError, PluginQuarantined
from ..grants import requested_scopes
from ..models import Plugin, PluginVersion, Route
from ..snapshot import ActivePlugin, Snapshot, active_plugin, join
from ..trust import check_may_serve

NOTHING: Final = "nothing"
GRANTED: Final = "granted"
ASKED: Final = "asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What one call may do."""

    what_is_granted: bool = True
    """What the plugin was granted. That was for the version that serves: for another it is a decision of its own."""

    all_it_asks_for: bool = False
    """Beside what is granted also what else the version asks for; for this call and no other."""

    http: bool = False
    """Whether it may send requests, as far as its scope reaches: what others are told by them is not undone."""


def allowed_scopes(plugin: Plugin, version: PluginVersion, allowed: Allowed) -> dict[str, Any]:
    """Return scope by capability for one trial."""
    granted = {grant.capability: grant.scope for grant in plugin.grants.all()} if allowed.what_is_granted else {}
    scopes = {**granted, **requested_scopes(version)} if allowed.all_it_asks_for else granted
    return {name: scope for name, scope in scopes.items() if name != HTTP or allowed.http}


def check_may_be_tried(plugin: Plugin, version: PluginVersion) -> None:
    """Refuse a version whose code must not run at all.

    Raises:
        PluginError: It was refused.
        PluginQuarantined: Processes died of it.
        SignatureRefused: Signatures are enforced, and its is not trusted.
        SafeModeOn: Safe mode is on.
    """
    components.refuse_in_safe_mode()
    named: Mapping[str, Any] = {"plugin": plugin.name, "version": version.number}
    if version.state != PluginVersion.State.VERIFIED:
        raise PluginError("was refused, so it cannot be tried", **named)
    health = getattr(version, "health", None)
    if components.is_suspect(version.digest) or (health is not None and health.quarantined_at is not None):
        raise PluginQuarantined("processes died while it was called: release it before it is tried", **named)
    check_may_serve(plugin, version)


def trial_plugin(plugin: Plugin, version: PluginVersion, allowed: Allowed) -> ActivePlugin:
    """Return a version as a snapshot has it, on or not, with what it may do in a trial."""
    return active_plugin(plugin, version, allowed_scopes(plugin, version, allowed))


def trial_snapshot(active: ActivePlugin) -> Snapshot:
    """Return what a version would serve if it were the only one; who may call a route is as admins tuned it."""
    rows = DeclaredRows()
    rows.add(active.id, active.manifest)
    tuned = dict(Route.objects.filter(plugin_id=active.id).values_list("path", "access"))
    for route in rows.routes:
        route.access = tuned.get(route.path, "")
    return join({active.id: active}, rows.hooks, rows.routes, rows.tasks)
