"""Which limits calls have: the project's by setting, and what may be another number for one plugin."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, Final, Literal

from django.core import signals
from django.dispatch import receiver
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from .conf import PREFIX, conf
from .runtime.limits import MIB, Limits

Kind = Literal["hook", "route", "task"]
"""What a plugin is called for; each has a deadline of its own."""

logger = logging.getLogger(__name__)

_UNITS: Final = ((1024 * MIB, "GiB"), (MIB, "MiB"), (1024, "KiB"))
_DAY_MS: Final = 24 * 60 * 60 * 1000
_MOST_BYTES: Final = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit that a plugin may have another number for."""

    label: Promise
    """For people, with the unit."""

    least: int
    most: int
    """The range, both ends in it."""

    setting: str
    """The project's setting, without prefix."""

    @property
    def default(self) -> int:
        """What holds for every plugin that has no number of its own."""
        number: int = getattr(conf, self.setting)
        return number


LIMITS: Final[Mapping[str, Limit]] = {
    "hook_deadline_ms": Limit(_("time for a hook, in milliseconds"), 1, _DAY_MS, "HOOK_DEADLINE_MS"),
    "route_deadline_ms": Limit(_("time for a route, in milliseconds"), 1, _DAY_MS, "ROUTE_DEADLINE_MS"),
    "task_deadline_ms": Limit(_("time for a task, in milliseconds"), 1_000, _DAY_MS, "TASK_DEADLINE_MS"),
    "memory_bytes": Limit(_("memory, in bytes"), 65_536, 4 * _MOST_BYTES - 65_536, "MEMORY_BYTES"),
    "memories": Limit(_("linear memories"), 1, 64, "MEMORIES"),
    "instances": Limit(_("core instances"), 1, 1_000, "INSTANCES"),
    "tables": Limit(_("tables"), 1, 100, "TABLES"),
    "table_elements": Limit(_("elements of each table"), 1, 10_000_000, "TABLE_ELEMENTS"),
    "depth": Limit(_("calls inside one another"), 1, 8, "CALL_DEPTH"),
    "argument_bytes": Limit(_("arguments of a call, in bytes"), 1_024, _MOST_BYTES, "ARGUMENT_BYTES"),
    "result_bytes": Limit(_("answer of a call, in bytes"), 1_024, _MOST_BYTES, "RESULT_BYTES"),
    "host_calls": Limit(_("calls of the host in a call"), 1, 10_000_000, "HOST_CALLS"),
    "moved_bytes": Limit(_("data to and from the host in a call, in bytes"), 1_024, _MOST_BYTES, "MOVED_BYTES"),
    "log_bytes": Limit(_("log of a call, in bytes"), 1, 16 * MIB, "LOG_BYTES"),
    "log_lines": Limit(_("log of a call, in lines"), 1, 100_000, "LOG_LINES"),
    "sql_statements": Limit(_("SQL statements in a call"), 1, 100_000, "SQL_STATEMENTS"),
    "sql_rows": Limit(_("rows of an SQL statement"), 1, 100_000, "SQL_ROWS"),
    "http_requests": Limit(_("HTTP requests in a call"), 1, 10_000, "HTTP_REQUESTS"),
    "http_body_bytes": Limit(_("body of an HTTP request or response, in bytes"), 1, 256 * MIB, "HTTP_BODY_BYTES"),
    "keyvalue_keys": Limit(_("keys of the key-value store"), 1, 1_000_000, "KEYVALUE_KEYS"),
    "keyvalue_bytes": Limit(_("key-value store, in bytes"), 1, _MOST_BYTES, "KEYVALUE_BYTES"),
    "keyvalue_key_bytes": Limit(_("key of the key-value store, in bytes"), 1, 1_024, "KEYVALUE_KEY_BYTES"),
    "keyvalue_value_bytes": Limit(_("value of the key-value store, in bytes"), 1, 16 * MIB, "KEYVALUE_VALUE_BYTES"),
    "concurrent_calls": Limit(_("calls at the same time in a process"), 1, 1_000, "CONCURRENT_CALLS"),
}
"""Every limit by the name that errors, records and ``runtime.limits`` have for it."""

_PER_CALL: Final = frozenset(field.name for field in fields(Limits))


def project_limits(deadline_ms: int) -> Limits:
    """Return what one call may spend, of a plugin that has no numbers of its own."""
    return replace(_project_limits(), deadline_ms=deadline_ms)


@cache
def _project_limits() -> Limits:
    numbers = {name: limit.default for name, limit in LIMITS.items() if name in _PER_CALL}
    return replace(Limits(), **numbers)


@receiver(signals.setting_changed)
def _forget(*, setting: str, **_: object) -> None:
    """Read the project's numbers anew. Settings change in tests only; to read twenty would cost each call a tenth."""
    if setting.startswith(PREFIX):
        _project_limits.cache_clear()


def with_own(limits: Limits, own: Mapping[str, int]) -> Limits:
    """Return limits with a plugin's own numbers in place of the project's."""
    return replace(limits, **{name: number for name, number in own.items() if name in _PER_CALL})


def deadline_ms(own: Mapping[str, int], kind: Kind, asked: int | None = None) -> int:
    """Return a call's time in milliseconds: the plugin's own, else what the caller asks for, else the project's."""
    return own.get(f"{kind}_deadline_ms") or asked or LIMITS[f"{kind}_deadline_ms"].default


def check_limits(own: Mapping[str, Any]) -> None:
    """Refuse numbers that no plugin may have.

    Raises:
        ValueError: A limit that does not exist, or a number out of its range.
    """
    for name, number in own.items():
        if (problem := _problem(name, number)) is not None:
            raise ValueError(problem)


def raised_limits(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """Return the limits that a plugin gets more of than it had and than the project gives to every plugin."""
    return [name for name, number in after.items() if number > max(before.get(name, 0), LIMITS[name].default)]


def readable_limits(stored: object, plugin: str) -> dict[str, int]:
    """Return what can be used of a row's limits; what cannot is logged, and the project's number holds."""
    if not isinstance(stored, Mapping):
        logger.warning("plugin %s: its limits are no object and are ignored", plugin)
        return {}
    readable = {}
    for name, number in stored.items():
        if (problem := _problem(name, number)) is None:
            readable[name] = number
        else:
            logger.warning("plugin %s: a limit of its own is ignored: %s", plugin, problem)
    return readable


def _problem(name: str, number: object) -> str | None:
    limit = LIMITS.get(name)
    if limit is None:
        return f"there is no limit {name[:80]!r}; there are {', '.join(LIMITS)}"
    if isinstance(number, bool) or not isinstance(number, int):
        return f"{name} must be a whole number"
    if not limit.least <= number <= limit.most:
        return f"{name} is {number}; it must be from {limit.least} to {limit.most}"
    return None


def in_words(name: str, number: int) -> str:
    """Return a limit's number as people read it: bytes also in KiB, MiB or GiB (IEC 80000-13), such as ``64 MiB``."""
    if not name.endswith("_bytes"):
        return str(number)
    unit_bytes, unit = next(((size, unit) for size, unit in _UNITS if number >= size), (0, ""))
    return f"{number} ({number / unit_bytes:.4g} {unit})" if unit else str(number)


def setting_of(name: str) -> str:
    """Return the full name of a limit's setting."""
    return PREFIX + LIMITS[name].setting
