"""Tries one version: makes the call, has its memory measured, and leaves nothing but an audit entry."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from .. import components
from ..audit import record_soon
from ..manager import get_plugin_manager
from ..models import Plugin, PluginVersion
from ..runtime.contract import CONFIG_STORE
from ..runtime.stand_in import Callee
from ..snapshot import ActivePlugin
from .made import Trial, make_call
from .memory import least_memory
from .offer import Allowed, check_may_be_tried, trial_plugin
from .target import Target

ACT: Final = "try"

_QUICK_MS: Final = 250
"""Longer calls are not made again."""


def try_call(plugin: Plugin, version: PluginVersion, target: Target, *, allowed: Allowed, user: Any, by: Any) -> Trial:
    """Call a version, on or not, and undo on every database what it does; blocks for its deadline at most.

    No run is queued, no other plugin is called, and the version's health is not judged by it. What remains is an audit
    entry, and one for secrets that it read, as of any call.

    Args:
        plugin: Whose version it is.
        version: Which one.
        target: What is called.
        allowed: What it may do in this call. Who may allow that is for the caller to decide.
        user: For whom the plugin acts; ``AnonymousUser`` is nobody.
        by: Who tries it.

    Raises:
        PluginError: The version must not be called, or there is no such hook, route or task. What goes wrong in the
            call itself is in the answer.
        Exception: Whatever went wrong in the host.
    """
    check_may_be_tried(plugin, version)
    active = trial_plugin(plugin, version, allowed)
    linked = components.get_linked(active.digest)
    trial, outcome = Trial(), "host-error"
    try:
        with get_plugin_manager().acting_as(user):
            make_call(active, linked, target, user, trial)
            if _is_repeatable(trial, allowed):
                repeat = partial(_repeated, linked=linked, target=target, user=user)
                trial.memory = least_memory(active, repeat)
        outcome = "ok" if trial.error is None else trial.error.code
    finally:
        record_soon(
            act=ACT,
            user=by,
            plugin=plugin.name,
            version=version.number,
            digest=version.digest,
            subject=target.said,
            outcome=outcome,
            elapsed_ms=round(trial.elapsed_ms, 3),
            details={"allowed": sorted(active.grants), "undone": True},
        )
    return trial


def _is_repeatable(trial: Trial, allowed: Allowed) -> bool:
    """Tell whether a call is made again to see how much memory it needs: not where others would notice, or wait."""
    reads_secrets = any(name.startswith(CONFIG_STORE) for name in trial.witness.calls)
    return trial.error is None and not allowed.http and not reads_secrets and trial.elapsed_ms < _QUICK_MS


def _repeated(active: ActivePlugin, *, linked: Callee, target: Target, user: Any) -> bool:
    again = Trial()
    make_call(active, linked, target, user, again)
    return again.error is None
