"""Makes one call of a version, sees what it does, undoes it, and leaves nothing but an audit entry."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS
from django.http import HttpResponse

from .. import answers, components
from ..access import check_access, check_method
from ..audit import record_soon
from ..caller import call_plugin
from ..capabilities import HTML
from ..dispatch import options_of
from ..exceptions import PluginError, TaskNotFound
from ..exchange import http_input, json_input
from ..health import tried
from ..host.context import RunFacts
from ..host.locks import nothing_is_held
from ..manager import get_plugin_manager
from ..models import Plugin, PluginVersion
from ..runtime.contract import CONFIG_STORE, HTTP_HANDLER
from ..runtime.linker import LinkedComponent
from ..runtime.log import CallLog, LogLine
from ..runtime.stand_in import Callee
from ..runtime.usage import Used, collect_usage
from ..signatures import find_hook_type
from ..snapshot import ActivePlugin, RouteEntry
from ..tuning import Kind, deadline_ms
from .memory import least_memory
from .offer import Allowed, check_may_be_tried, trial_plugin, trial_snapshot
from .request import request_of
from .target import HookCall, RouteCall, Target, TaskCall
from .undoing import reachable_aliases, undone
from .witness import Witness

ACT: Final = "try"

LONGEST_MS: Final = 20_000
"""How long a trial may take at most, in milliseconds: somebody waits for the page."""


@dataclass(slots=True, kw_only=True)
class Trial:
    """What came of one call."""

    answer: Any = None
    """What it answered: a hook's value as the runtime lifts it, a task's text, or the response of a route."""
    error: PluginError | None = None
    log: list[LogLine] = field(default_factory=list)
    progress: list[tuple[int, str]] = field(default_factory=list)
    """What a task reported, the last hundred."""
    witness: Witness = field(default_factory=Witness)
    used: Used = field(default_factory=dict)
    elapsed_ms: float = 0.0
    memory: tuple[int, int] | None = None
    """The least memory under which it went well, in halves of the limit, and the limit, in bytes."""


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
            _call(active, linked, target, user, trial)
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
    return trial.error is None and not allowed.http and not reads_secrets and trial.elapsed_ms < 250


def _repeated(active: ActivePlugin, *, linked: Callee, target: Target, user: Any) -> bool:
    again = Trial()
    _call(active, linked, target, user, again)
    return again.error is None


def _call(active: ActivePlugin, linked: Callee, target: Target, user: Any, trial: Trial) -> None:
    """Make the call, with everything that it answers and asks written into the trial."""
    log = CallLog(1)  # the call bounds it
    begun = time.perf_counter()
    with collect_usage() as usage:
        try:
            trial.answer = _made(active, linked, target, user, trial, log)
        except PluginError as error:
            trial.error = error.about(active.name, active.version)
    trial.elapsed_ms = (time.perf_counter() - begun) * 1_000
    trial.log, trial.used = list(log.lines), usage.used


def _made(active: ActivePlugin, linked: Callee, target: Target, user: Any, trial: Trial, log: CallLog) -> Any:
    if isinstance(linked, LinkedComponent):  # and nothing that stands in for one in a test
        linked = LinkedComponent(linked.component, trial.witness.interfaces(active.grants))
    call: Callable[..., Any] = partial(call_plugin, active, watch=tried, linked=linked, log=log)
    held_nothing = nothing_is_held()
    match target:
        case HookCall():
            return _hook(active, target, call)
        case RouteCall():
            entry, request = trial_snapshot(active).routes[target.path], request_of(target, user)
            check_access(entry, user)
            check_method(entry, request.method)
            is_http = HTTP_HANDLER.matches(linked.exports[entry.handler])
            given = http_input(request, entry.path) if is_http else json_input(request, entry.path)
            owning = partial(call, owns_transaction=True, using=DEFAULT_DB_ALIAS, held_nothing=held_nothing)
            return _route(entry, given, is_http, request.method == "HEAD", owning)
        case TaskCall():
            owning = partial(call, owns_transaction=True, using=DEFAULT_DB_ALIAS, held_nothing=held_nothing)
            return _task(active, target, trial, owning)


def _hook(active: ActivePlugin, target: HookCall, call: Callable[..., Any]) -> Any:
    options = options_of(target.name)
    with undone([options.using]):
        return call(
            target.name,
            target.args,
            using=options.using,
            owns_transaction=False,
            deadline_ms=_deadline_ms(active, "hook", options.deadline_ms),
            expected=find_hook_type(target.name),
        )


def _route(entry: RouteEntry, given: Any, is_http: bool, is_head: bool, call: Callable[..., Any]) -> HttpResponse:
    terms = answers.Terms(export=entry.handler, may_be_html=HTML in entry.plugin.grants, is_head=is_head)
    convert = partial(answers.http_response if is_http else answers.json_response, terms=terms)
    kind: Kind = "task" if entry.process_as_task else "route"
    with undone(reachable_aliases(DEFAULT_DB_ALIAS)):
        response: HttpResponse = call(
            entry.handler, [given], deadline_ms=_deadline_ms(entry.plugin, kind), convert=convert
        )
    return response


def _task(active: ActivePlugin, target: TaskCall, trial: Trial, call: Callable[..., Any]) -> str | None:
    if (entry := trial_snapshot(active).tasks.get((active.name, target.name))) is None:
        raise TaskNotFound(f"has no task {target.name}", plugin=active.name, version=active.version)

    def report(percent: int, message: str) -> None:
        trial.progress[:] = [*trial.progress[-99:], (percent, message)]

    with undone(reachable_aliases(DEFAULT_DB_ALIAS)):
        text: str | None = call(
            target.name,
            [target.text],
            deadline_ms=min(LONGEST_MS, entry.timeout_s * 1_000),
            convert=lambda text, log: None if text is None else log.redactor.redact(text),
            report=report,
            run=RunFacts(idempotency_key=str(uuid.uuid4()), attempt=1),
        )
    return text


def _deadline_ms(active: ActivePlugin, kind: Kind, asked: int | None = None) -> int:
    return min(LONGEST_MS, deadline_ms(active.limits, kind, asked))
