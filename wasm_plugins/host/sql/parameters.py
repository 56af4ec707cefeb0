"""From a plugin's typed parameter to the Python value that a driver binds, checked before it is sent."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, tzinfo
from decimal import Decimal
from typing import Final

from ...runtime.values import Variant
from .errors import SqlRefused

LARGEST_PARAMETER: Final = 1024 * 1024
"""Bytes of one parameter, as UTF-8 or as they are."""

_S64: Final = range(-(2**63), 2**63)
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_TIME: Final = re.compile(r"\d{2}:\d{2}:\d{2}(\.\d{1,6})?", re.ASCII)
_TIMESTAMP: Final = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})?", re.ASCII)
# Bounded on purpose: PostgreSQL keeps 131,072 digits, and reckoning with those takes seconds that no timeout stops.
_NUMERIC: Final = re.compile(r"[+-]?\d{1,100}(\.\d{1,100})?([eE][+-]?\d{1,2})?", re.ASCII)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def to_database(value: Variant, vendor: str, zone: tzinfo | None = None) -> object:
    """Check one typed parameter and return what the driver of that vendor binds.

    On PostgreSQL numbers, dates, bytes and uuids are sent with their type; text and json take the type of where
    they stand. SQLite has fewer types, so there a value is spelled as Django stores it: numeric as text, uuid as 32
    hex digits, dates as text, a timestamp with an offset as local time of the connection's zone.

    Args:
        value: The WIT variant ``value``.
        vendor: Django's name of the database's vendor.
        zone: SQLite only: the zone that Django stores times in (``connection.timezone``), ``None`` without USE_TZ.

    Raises:
        SqlRefused: The value is out of range, malformed, or has no equal in this database.
    """
    convert = _CONVERT.get(value.case)
    if convert is None:
        raise SqlRefused(f"parameter of unknown type {value.case!r}; known are {', '.join(_CONVERT)}")
    python = convert(value.payload)
    _check_size(value.case, python)
    return _for_sqlite(python, value.case, zone) if vendor == "sqlite" else _for_postgresql(python)


def from_texts(params: Sequence[str], vendor: str) -> tuple[object, ...]:
    """Return what to bind for Windmill's ``params: list<string>``: each takes the type of where it stands."""
    return tuple(to_database(Variant("text", text), vendor) for text in params)


def _check_size(case: str, python: object) -> None:
    size = len(python.encode()) if isinstance(python, str) else len(python) if isinstance(python, bytes) else 0
    if size > LARGEST_PARAMETER:
        raise SqlRefused(f"{case} parameter of {size} bytes; at most {LARGEST_PARAMETER} are allowed")


def _for_postgresql(python: object) -> object:
    if isinstance(python, str) and "\0" in python:
        raise SqlRefused("text parameter holds a NUL character, which PostgreSQL cannot store")
    return python


def _for_sqlite(python: object, case: str, zone: tzinfo | None) -> object:
    if isinstance(python, float) and python != python:
        # SQLite stores NaN as NULL: a value would silently become null.
        raise SqlRefused("real parameter is NaN, which SQLite cannot store")
    if isinstance(python, datetime):
        return str(_local(python, zone))
    if isinstance(python, (date, time, Decimal)):
        return str(python)
    return python.hex if isinstance(python, uuid.UUID) else python


def _local(moment: datetime, zone: tzinfo | None) -> datetime:
    if moment.tzinfo is None:
        return moment
    if zone is None:
        raise SqlRefused("timestamp parameter has an offset, but this project stores local times (USE_TZ is off)")
    try:
        return moment.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        raise SqlRefused(f"timestamp parameter {moment.isoformat()} is out of range in the database's zone") from None


def _null(payload: object) -> None:
    return None


def _boolean(payload: object) -> bool:
    if not isinstance(payload, bool):
        raise _wrong("boolean", payload, "a boolean")
    return payload


def _integer(payload: object) -> int:
    if isinstance(payload, bool) or not isinstance(payload, int) or payload not in _S64:
        raise _wrong("integer", payload, "a signed 64-bit integer")
    return payload


def _real(payload: object) -> float:
    if isinstance(payload, bool) or not isinstance(payload, (int, float)):
        raise _wrong("real", payload, "a number")
    return float(payload)


def _text(payload: object) -> str:
    if not isinstance(payload, str):
        raise _wrong("text", payload, "a string")
    return payload


def _bytes(payload: object) -> bytes:
    if not isinstance(payload, (bytes, bytearray, memoryview)):
        raise _wrong("bytes", payload, "bytes")
    return bytes(payload)


def _json(payload: object) -> str:
    text = _text(payload)
    _check_size("json", text)  # before it is parsed: 30 MB of it are 700 MB of Python
    try:
        json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        raise _wrong("json", payload, "valid JSON") from exc
    return text


def _no_constant(name: str) -> None:
    raise ValueError(name)  # Python reads NaN and Infinity; JSON has no such words.


def _parsed(
    case: str, pattern: re.Pattern[str], parse: Callable[[str], object], form: str
) -> Callable[[object], object]:
    def convert(payload: object) -> object:
        if not isinstance(payload, str) or pattern.fullmatch(payload) is None:
            raise _wrong(case, payload, form)
        try:
            return parse(payload)
        except ValueError as exc:
            raise _wrong(case, payload, form) from exc

    return convert


def _wrong(case: str, payload: object, form: str) -> SqlRefused:
    return SqlRefused(f"{case} parameter {payload!r:.60} is not {form}")


_CONVERT: Final[dict[str, Callable[[object], object]]] = {
    "null": _null,
    "boolean": _boolean,
    "integer": _integer,
    "real": _real,
    "numeric": _parsed("numeric", _NUMERIC, Decimal, "a decimal number of at most 100 digits on either side"),
    "text": _text,
    "bytes": _bytes,
    "date": _parsed("date", _DATE, date.fromisoformat, "a date such as 2024-02-29"),
    "time": _parsed("time", _TIME, time.fromisoformat, "a time such as 13:37:00.000001"),
    "timestamp": _parsed(
        "timestamp", _TIMESTAMP, datetime.fromisoformat, "an RFC 3339 time such as 2024-02-29T13:37:00Z"
    ),
    "uuid": _parsed("uuid", _UUID, uuid.UUID, "a UUID of 36 characters"),
    "json": _json,
}
