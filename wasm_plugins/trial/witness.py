"""Sees what one call asks of the host, and refuses what the call was not allowed."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Container
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..capabilities import HTTP, capability_of
from ..exceptions import CapabilityDenied
from ..host import host_interfaces
from ..runtime.contract import TRANSACTION
from ..runtime.linker import HostFunction, HostInterface, Interfaces
from ..runtime.state import CallState
from ..runtime.values import Err, Ok
from ..runtime.wit import Func

MOST_STATEMENTS: Final = 200
SQL_CHARS: Final = 4_000
_OUTCOME_CHARS: Final = 300

_SQL_AT: Final = {"query": 1, "execute": 1, "execute-hasura-query": 0, "execute-keycloak-query": 0}
"""Which argument is the statement."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement of the plugin's."""

    sql: str
    """As the plugin wrote it, cut, and without the secrets that the call has read."""
    outcome: str
    """How many rows it answered or changed, or why it was refused."""
    elapsed_ms: float


@dataclass(slots=True)
class Witness:
    """What one call asked of the host."""

    calls: Counter[str] = field(default_factory=Counter)
    """How often each function was called, by interface and name."""
    statements: list[Statement] = field(default_factory=list)
    """The first ``MOST_STATEMENTS`` of them."""

    def interfaces(self, granted: Container[str]) -> Interfaces:
        """Return everything that the host offers, seen by this witness.

        Functions of a capability that is not granted end the call and say so. HTTP's do not: the host's own check
        answers the plugin as it does anywhere, and the types that belong to it need no grant.
        """
        return {name: self._watched(name, offered, granted) for name, offered in host_interfaces().items()}

    def _watched(self, interface: str, offered: HostInterface, granted: Container[str]) -> HostInterface:
        capability = capability_of(interface)
        denied = "" if capability is None or capability == HTTP or capability in granted else capability

        def watch(name: str, function: HostFunction) -> HostFunction:
            return replace(function, call=self._call(interface, name, function.call, denied))

        def otherwise(name: str, of: Func) -> HostFunction | None:
            found = offered.otherwise(name, of)
            return None if found is None else watch(name, found)

        functions = {name: watch(name, function) for name, function in offered.functions.items()}
        return replace(offered, functions=functions, otherwise=otherwise)

    def _call(self, interface: str, name: str, call: Callable[..., object], denied: str) -> Callable[..., object]:
        full_name = f"{interface}#{name}"
        sql_at = _SQL_AT.get(name) if interface == TRANSACTION else None

        def seen(state: CallState, *args: Any) -> object:
            self.calls[full_name] += 1
            if denied:
                raise CapabilityDenied(f"the capability {denied} is not allowed in this trial", missing=full_name)
            if sql_at is None:
                return call(state, *args)
            return self._statement(state, args[sql_at], lambda: call(state, *args))

        return seen

    def _statement(self, state: CallState, sql: str, run: Callable[[], object]) -> object:
        begun, outcome = time.perf_counter(), "ended the call"
        try:
            answer = run()
            outcome = _outcome(answer)
            return answer
        finally:
            if len(self.statements) < MOST_STATEMENTS:
                said = [state.log.redactor.redact(text) for text in (sql, outcome)]
                elapsed_ms = (time.perf_counter() - begun) * 1_000
                self.statements.append(Statement(said[0][:SQL_CHARS], said[1][:_OUTCOME_CHARS], elapsed_ms))


def _outcome(answer: object) -> str:
    match answer:
        case Err(reason):
            return f"refused: {reason}"
        case Ok({"rows": list(rows)}):
            return f"rows: {len(rows)}"
        case Ok(int(changed)):
            return f"rows changed: {changed}"
        case Ok(str(text)):
            return f"rows: {len(json.loads(text))}"
    return "done"
