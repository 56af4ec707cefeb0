"""From what a driver fetched to the WIT variant ``value``; a type without an equal is an error, never a null."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from typing import Final

from ...runtime.values import Variant
from .errors import SqlRefused

_S64: Final = range(-(2**63), 2**63)
_NULL: Final = Variant("null")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an answer, as far as the driver knows it."""

    name: str
    """Its name, possibly not unique."""

    type_name: str
    """The database's name of its type (``int4``, ``jsonb``, ``jsonb[]``); empty where the driver knows none."""

    zone: tzinfo | None = None
    """The zone of times that come without an offset, or ``None`` when they have none to tell."""


def from_database(value: object, column: Column) -> Variant:
    """Return one fetched value as the WIT variant ``value``.

    An integer beyond 64 bits becomes numeric; a numeric keeps its digits; a timestamp is RFC 3339 with microseconds
    and its offset, or ISO 8601 without one when the column stores none; an array becomes JSON, in which numerics,
    dates and uuids are strings.

    Raises:
        SqlRefused: The value's type has no equal in WIT; names the column and the type.
    """
    if value is None:
        return _NULL
    if isinstance(value, str) and column.type_name in _JSON_TYPES:
        return Variant("json", value)
    for kind, convert in _CONVERT:
        if isinstance(value, kind):
            return convert(value, column)
    raise unknown_type(column, column.type_name or type(value).__name__)


def unknown_type(column: Column, type_name: str) -> SqlRefused:
    """Make the error for a column whose type has no equal in WIT."""
    return SqlRefused(
        f"column {column.name!r:.80} has type {type_name:.80}, which has no equal among the values of a plugin; "
        "cast it, for example to text"
    )


def _integer(value: int, column: Column) -> Variant:
    return Variant("integer", value) if value in _S64 else Variant("numeric", str(value))


def _numeric(value: Decimal, column: Column) -> Variant:
    # "f" keeps every digit and the scale, and writes no exponent; NaN and Infinity pass as PostgreSQL spells them.
    return Variant("numeric", format(value, "f"))


def _timestamp(value: datetime, column: Column) -> Variant:
    moment = value.replace(tzinfo=column.zone) if value.tzinfo is None and column.zone else value
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return Variant("timestamp", moment.isoformat(timespec="microseconds"))


def _time(value: time, column: Column) -> Variant:
    if value.tzinfo is not None:
        raise unknown_type(column, "time with time zone")
    return Variant("time", value.isoformat(timespec="microseconds"))


def _array(value: list[object], column: Column) -> Variant:
    return Variant("json", json.dumps([_element(item, column) for item in value], ensure_ascii=False))


def _element(item: object, column: Column) -> object:
    if isinstance(item, list):
        return [_element(inner, column) for inner in item]
    if item is None or isinstance(item, (bool, int)):
        return item
    if isinstance(item, float) and math.isfinite(item):
        return item
    if isinstance(item, str) and column.type_name.removesuffix("[]") in _TEXT_TYPES:
        return item
    if isinstance(item, (Decimal, date, datetime, time, uuid.UUID)):
        return from_database(item, column).payload
    raise unknown_type(column, column.type_name or f"list of {type(item).__name__}")


_JSON_TYPES: Final = frozenset({"json", "jsonb"})
_TEXT_TYPES: Final = frozenset({"text", "varchar", "bpchar", "name"})

# In this order: a bool is an int and a datetime is a date to isinstance.
_CONVERT: Final[tuple[tuple[type | tuple[type, ...], Callable[..., Variant]], ...]] = (
    (bool, lambda value, column: Variant("boolean", value)),
    (int, _integer),
    (float, lambda value, column: Variant("real", value)),
    (Decimal, _numeric),
    (str, lambda value, column: Variant("text", value)),
    ((bytes, bytearray, memoryview), lambda value, column: Variant("bytes", bytes(value))),
    (datetime, _timestamp),
    (date, lambda value, column: Variant("date", value.isoformat())),
    (time, _time),
    (uuid.UUID, lambda value, column: Variant("uuid", str(value))),
    (list, _array),
)
