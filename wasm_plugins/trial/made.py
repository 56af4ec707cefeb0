"""Makes one call as in production, sees what it does, and undoes it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS
from django.http import HttpResponse

from .. import answers
from ..access import check_access, check_method
from ..caller import call_plugin
from ..capabilities import HTML
from ..dispatch import options_of
from ..exceptions import PluginError, TaskNotFound
from ..exchange import http_input, json_input
from ..health import tried
from ..host.context import RunFacts
from ..host.locks import nothing_is_held
from ..runtime.contract import HTTP_HANDLER
from ..runtime.linker import LinkedComponent
from ..runtime.log import CallLog, LogLine
from ..runtime.stand_in import Callee
from ..runtime.usage import Used, collect_usage
from ..signatures import find_hook_type
from ..snapshot import ActivePlugin
from ..tuning import Kind, deadline_ms
from .discretion import without_secrets
from .offer import trial_snapshot
from .request import request_of
from .target import HookCall, RouteCall, Target, TaskCall
from .undoing import joined_aliases, reachable_aliases, undone
from .witness import Witness

LONGEST_MS: Final = 5_000
"""How long a trial may take at most, in milliseconds: until it is undone, production waits for the rows it locked."""

_MOST_REPORTS: Final = 100


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


def make_call(active: ActivePlugin, linked: Callee, target: Target, user: Any, trial: Trial) -> None:
    """Make the call, with everything that it answers and asks written into the trial."""
    log = CallLog(1)  # the call bounds it
    begun = time.perf_counter()
    with collect_usage() as usage:
        try:
            trial.answer = without_secrets(_made(active, linked, target, user, trial, log), log.redactor)
        except PluginError as error:
            trial.error = error.about(active.name, active.version)
    trial.elapsed_ms = (time.perf_counter() - begun) * 1_000
    trial.log, trial.used = list(log.lines), usage.used


def _made(active: ActivePlugin, linked: Callee, target: Target, user: Any, trial: Trial, log: CallLog) -> Any:
    if isinstance(linked, LinkedComponent):  # and nothing that stands in for one in a test
        linked = LinkedComponent(linked.component, trial.witness.interfaces(active.grants))
    call: Callable[..., Any] = partial(call_plugin, active, watch=tried, linked=linked, log=log, is_trial=True)
    owning = partial(call, owns_transaction=True, using=DEFAULT_DB_ALIAS, held_nothing=nothing_is_held())
    match target:
        case HookCall():
            return _hook(active, target, call)
        case RouteCall():
            return _route(active, linked, target, user, owning)
        case TaskCall():
            return _task(active, target, trial, owning)


def _hook(active: ActivePlugin, target: HookCall, call: Callable[..., Any]) -> Any:
    options = options_of(target.name)
    with undone(joined_aliases(options.using)):
        return call(
            target.name,
            target.args,
            using=options.using,
            owns_transaction=False,
            deadline_ms=_deadline_ms(active, "hook", options.deadline_ms),
            expected=find_hook_type(target.name),
        )


def _route(
    active: ActivePlugin, linked: Callee, target: RouteCall, user: Any, call: Callable[..., Any]
) -> HttpResponse:
    entry, request = trial_snapshot(active).routes[target.path], request_of(target, user)
    check_access(entry, user)
    check_method(entry, request.method)
    is_http = HTTP_HANDLER.matches(linked.exports[entry.handler])
    given = http_input(request, entry.path) if is_http else json_input(request, entry.path)
    is_head = request.method == "HEAD"
    terms = answers.Terms(export=entry.handler, may_be_html=HTML in active.grants, is_head=is_head)
    convert = partial(answers.http_response if is_http else answers.json_response, terms=terms)
    deadline = _deadline_ms(active, "task" if entry.process_as_task else "route")
    with undone(reachable_aliases(DEFAULT_DB_ALIAS)):
        response: HttpResponse = call(entry.handler, [given], deadline_ms=deadline, convert=convert)
    return response


def _task(active: ActivePlugin, target: TaskCall, trial: Trial, call: Callable[..., Any]) -> str | None:
    if (entry := trial_snapshot(active).tasks.get((active.name, target.name))) is None:
        raise TaskNotFound(f"has no task {target.name}", plugin=active.name, version=active.version)

    def report(percent: int, message: str) -> None:
        trial.progress[:] = [*trial.progress[1 - _MOST_REPORTS :], (percent, message)]

    with undone(reachable_aliases(DEFAULT_DB_ALIAS)):
        text: str | None = call(
            target.name,
            [target.text],
            deadline_ms=min(LONGEST_MS, entry.timeout_s * 1_000),
            report=report,
            run=RunFacts(idempotency_key=str(uuid.uuid4()), attempt=1),
        )
    return text


def _deadline_ms(active: ActivePlugin, kind: Kind, asked: int | None = None) -> int:
    return min(LONGEST_MS, deadline_ms(active.limits, kind, asked))
