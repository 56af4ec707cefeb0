"""One call of a plugin as the host makes it, under the production sandbox, with a fake host; and what came of it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from wasm_plugins.exceptions import AnswerRefused, PluginError
from wasm_plugins.kit.fakes import FakeHost, fake_interfaces
from wasm_plugins.kit.memory import least_limit
from wasm_plugins.kit.plugin_file import PluginFile
from wasm_plugins.kit.targets import Target
from wasm_plugins.kit.verdict import MANIFEST_LIMITS
from wasm_plugins.runtime import sandbox
from wasm_plugins.runtime.contract import PLUGIN_COMMON
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.linker import LinkedComponent
from wasm_plugins.runtime.log import CallLog, LogLine
from wasm_plugins.runtime.redaction import redact_error
from wasm_plugins.runtime.usage import Used, collect_usage
from wasm_plugins.runtime.verification import find_interface

DEADLINES_MS: Final = {"hook": 1_000, "route": 2_000, "task": 60_000}
"""What a call may take where a project has not said otherwise."""

_WORTH_REPEATING_MS: Final = 250
"""Longer calls are not made again to measure their memory."""

_LARGEST_STATUS: Final = 599


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What came of one call."""

    answer: Any
    """What the plugin answered, as the runtime lifts it; ``None`` where it failed."""

    error: PluginError | None
    log: list[LogLine]
    host: FakeHost
    used: Used
    elapsed_ms: float
    memory_bytes: int | None
    """The least limit, in halves of the one given, under which it went the same; ``None`` if that was not tried."""


def limits_of(target: Target, changes: Mapping[str, int]) -> Limits:
    """Return what a call may spend: as on a host, but for what is changed by name."""
    kind = "task" if target.runs_as_task else target.kind
    return replace(Limits(), **{"deadline_ms": DEADLINES_MS[kind], **changes})


def linked_to_fakes(plugin: PluginFile) -> LinkedComponent:
    """Return a verified plugin, joined to the fake host and ready for calls."""
    linked = LinkedComponent(plugin.component, fake_interfaces())
    interface = find_interface(plugin.component, PLUGIN_COMMON)
    sandbox.call(linked, "get-manifest", interface=interface, limits=MANIFEST_LIMITS)  # counts memories, for once
    return linked


def try_call(plugin: PluginFile, target: Target, make_host: Callable[[], FakeHost], limits: Limits) -> Trial:
    """Make the call, and, if it was quick and went well, make it again under less memory to see what it needs.

    Args:
        plugin: A plugin that was verified.
        target: What to call.
        make_host: Makes the host of one call, so that no call sees what another one wrote.
        limits: What the call may spend.
    """
    linked = linked_to_fakes(plugin)
    trial = _on_own_database(linked, target, make_host, limits)
    if trial.error is not None or trial.elapsed_ms > _WORTH_REPEATING_MS:
        return trial

    def repeat(less: Limits) -> None:
        again = _on_own_database(linked, target, make_host, replace(limits, memory_bytes=less.memory_bytes))
        if again.error is not None:
            raise again.error

    return replace(trial, memory_bytes=least_limit(repeat, limits.memory_bytes))


def _on_own_database(
    linked: LinkedComponent, target: Target, make_host: Callable[[], FakeHost], limits: Limits
) -> Trial:
    host = make_host()
    try:
        return run_call(linked, target, host, limits)
    finally:
        if host.database is not None:
            host.database.close()


def run_call(linked: LinkedComponent, target: Target, host: FakeHost, limits: Limits) -> Trial:
    """Make one call: one transaction on the host's database, undone when the plugin gives no answer.

    Raises:
        ValueMismatch: An argument does not fit its type.
    """
    log = CallLog(limits.log_bytes, limits.log_lines)
    answer, error = None, None
    host.owns_transaction = target.kind != "hook"
    if target.runs_as_task:
        host.idempotency_key = host.idempotency_key or str(uuid.uuid4())
    begun = time.perf_counter()
    with collect_usage() as usage:
        try:
            with host.transaction(target.export, log):
                answer = sandbox.call(linked, target.export, target.args, limits=limits, host=host, log=log)
                _check_answer(target, answer)
        except PluginError as failure:
            redact_error(failure, log.redactor)
            error = failure
    return Trial(
        answer=answer,
        error=error,
        log=list(log.lines),
        host=host,
        used=usage.used,
        elapsed_ms=(time.perf_counter() - begun) * 1_000,
        memory_bytes=None,
    )


def _check_answer(target: Target, answer: Any) -> None:
    """Refuse what the host could not pass on.

    Raises:
        AnswerRefused: A text that must be JSON is none, or a status is none of HTTP's.
    """
    if target.answers_json and answer is not None:
        try:
            json.loads(answer)
        except (ValueError, RecursionError):
            raise AnswerRefused(f"{target.export} answered a text that is no JSON", export=target.export) from None
    elif target.kind == "route" and answer is not None and not 200 <= answer["status"] <= _LARGEST_STATUS:
        message = f"{target.export} answered status {answer['status']}; it must be from 200 to {_LARGEST_STATUS}"
        raise AnswerRefused(message, export=target.export)
