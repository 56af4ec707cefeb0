"""What came of one call that a test made: the answer or the error, and all that the plugin did meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from wasm_plugins.exceptions import PluginError, PluginFailed
from wasm_plugins.kit.fakes.fake_host import HostCall
from wasm_plugins.kit.fakes.recordings import SentRequest
from wasm_plugins.kit.json_values import to_json
from wasm_plugins.kit.targets import Target
from wasm_plugins.kit.trial import Trial
from wasm_plugins.kit.trial_report import shown_answer
from wasm_plugins.runtime.contract import TRANSACTION


class LogEntry(NamedTuple):
    """One line of the plugin's log."""

    level: str
    """``trace``, ``debug``, ``info``, ``warn``, ``error`` or ``critical``."""

    text: str


class SqlCall(NamedTuple):
    """One statement that the plugin ran."""

    text: str
    params: tuple[Any, ...]
    outcome: str
    """In short what the plugin got: ``ok: …`` or ``err: …``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginCall:
    """One call, as a test sees it.

    Attributes:
        error: Why there is no answer, as a host would raise it, or ``None``.
        log: What the plugin wrote.
        sql: The statements that it ran, in order; the first ones, if they are many.
        http: The requests that it wanted to send, likewise.
        host_calls: Everything that it asked of the host, likewise, but for its log.
        progress: What a task reported: percent and message.
        used: What was spent, and the limit, by name of the limit.
        elapsed_ms: How long it took.
        memory_bytes: The least limit in halves of the one given under which it went the same; ``None`` unless
            ``plugin_host.measures_memory``.
    """

    value: Any
    error: PluginError | None
    log: list[LogEntry]
    sql: list[SqlCall]
    http: list[SentRequest]
    host_calls: list[HostCall]
    progress: list[tuple[int, str]]
    used: Mapping[str, tuple[int, int]]
    elapsed_ms: float
    memory_bytes: int | None

    @property
    def answer(self) -> Any:
        """What the plugin answered: a record as a ``dict``, JSON as what it says, bytes that are a text as the text.

        Raises:
            PluginError: It gave none; the error's notes have its log.
        """
        if self.error is not None:
            raise self.error
        return self.value

    @property
    def err(self) -> Any:
        """What the plugin sent with its ``err``; ``None`` if it answered, crashed or passed a limit."""
        return to_json(self.error.detail) if isinstance(self.error, PluginFailed) else None

    @property
    def status(self) -> int:
        """The status of a route's response, 200 where its handler answers JSON."""
        answer = self.answer
        return int(answer["status"]) if self._is_response else 200

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of a route's response by lower-case name, as the plugin set them."""
        return {name.lower(): value for name, value in self.answer["headers"]} if self._is_response else {}

    @property
    def body(self) -> Any:
        """The body of a route's response: text, or numbers where it is none; what JSON says where that is answered."""
        if not self._is_response:
            return self.answer
        body = self.answer["body"]
        return "" if body == "empty" else next(iter(body.values()))

    @property
    def _is_response(self) -> bool:
        return isinstance(self.answer, dict) and self.answer.keys() == {"status", "headers", "body"}


def plugin_call(target: Target, trial: Trial) -> PluginCall:
    """Return what a test is told of a trial."""
    call = PluginCall(
        value=None if trial.error else shown_answer(target, trial.answer),
        error=trial.error,
        log=[LogEntry(line.level, line.text) for line in trial.log],
        sql=[_sql(each) for each in trial.host.calls if _is_sql(each)],
        http=list(trial.host.sent),
        host_calls=list(trial.host.calls),
        progress=list(trial.host.progress),
        used=trial.used,
        elapsed_ms=trial.elapsed_ms,
        memory_bytes=trial.memory_bytes,
    )
    if call.error is not None:
        for line in call.log:
            call.error.add_note(f"log: {line.level}: {line.text}")
    return call


def _is_sql(call: HostCall) -> bool:
    interface, _, function = call.function.partition("#")
    return interface == TRANSACTION and function.startswith(("query", "execute"))


def _sql(call: HostCall) -> SqlCall:
    """Read a statement off the call: ours name the database first, and their parameters have types."""
    text, params = call.args[-2:]
    plain = tuple(getattr(each, "payload", each) for each in params)
    return SqlCall(str(text), plain, call.answer)
