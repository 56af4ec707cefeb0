"""From PostgreSQL's binary records to an answer; the records say themselves of which types they are."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any, Final

from psycopg import RawCursor
from psycopg.adapt import Loader, Transformer
from psycopg.pq import Format

from .engine import SqlLimits, SqlResult
from .errors import SqlRefused
from .fetched import Column, from_database, unknown_type
from .words import words

Fields = list[tuple[int, bytes | None]]

_TYPES: Final = words(
    """
    bool int2 int4 int8 float4 float8 numeric text varchar bpchar name bytea date time timestamp timestamptz uuid
    json jsonb
    """
)
"""Types that have an equal among a plugin's values."""

_NO_ARRAYS: Final = words("bytea json jsonb")
"""Types whose arrays have none; arrays of the others become JSON."""

BEHIND_DOMAINS: Final = """WITH RECURSIVE layers (named, oid) AS (
SELECT wanted, wanted FROM pg_catalog.unnest($1::pg_catalog.int8[]) AS wanted UNION ALL
SELECT layers.named, t.typbasetype::pg_catalog.int8 FROM layers JOIN pg_catalog.pg_type t
ON t.oid OPERATOR(pg_catalog.=) layers.oid::pg_catalog.oid AND t.typtype OPERATOR(pg_catalog.=) 'd')
SELECT {wanted} FROM layers JOIN pg_catalog.pg_type t
ON t.oid OPERATOR(pg_catalog.=) layers.oid::pg_catalog.oid AND t.typtype OPERATOR(pg_catalog.<>) 'd'"""
"""Finds, for numbers of types, the type that each is or that the domain is made of."""

_BASE_TYPES: Final = BEHIND_DOMAINS.format(wanted="layers.named, layers.oid")
_COUNT: Final = struct.Struct("!i")
_HEAD: Final = struct.Struct("!Ii")
_FLOAT4: Final = struct.Struct("!f")


class RecordLoader(Loader):
    """Splits a record into its fields, each with the number of its type."""

    format = Format.BINARY

    def load(self, data: Any) -> Fields:
        """Return type and bytes of each field; ``None`` is null."""
        fields: Fields = []
        at = _COUNT.size
        for _ in range(_COUNT.unpack_from(data)[0]):
            oid, size = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            fields.append((oid, None if size < 0 else bytes(data[at : at + size])))
            at += max(0, size)
        return fields


class JsonLoader(Loader):
    """Leaves JSON as its text: parsed, its numbers would be rounded."""

    format = Format.BINARY

    def load(self, data: Any) -> str:
        """Return the text."""
        return bytes(data).decode()


class JsonbLoader(Loader):
    """Leaves jsonb as its text, which a byte with its version precedes."""

    format = Format.BINARY

    def load(self, data: Any) -> str:
        """Return the text."""
        return bytes(data)[1:].decode()


class Float4Loader(Loader):
    """Reads a float4 as PostgreSQL writes it: 0.1, and not 0.10000000149011612."""

    format = Format.BINARY

    def load(self, data: Any) -> float:
        """Return the number with the fewest digits that is the same float4."""
        (exact,) = _FLOAT4.unpack(data)
        candidates = (float(f"{exact:.{digits}g}") for digits in range(6, 10))
        return next((found for found in candidates if _fits(found, bytes(data))), exact)


def _fits(number: float, data: bytes) -> bool:
    try:
        return _FLOAT4.pack(number) == data
    except OverflowError:
        return False


def register_loaders(cursor: RawCursor[Any]) -> None:
    """Have a cursor read what this module understands."""
    cursor.adapters.register_loader("record", RecordLoader)
    cursor.adapters.register_loader("json", JsonLoader)
    cursor.adapters.register_loader("jsonb", JsonbLoader)
    cursor.adapters.register_loader("float4", Float4Loader)


def read_answer(
    cursor: RawCursor[Any],
    fetched: Sequence[tuple[Any, ...]],
    limits: SqlLimits,
    *,
    is_select: bool,
    before_asking: Callable[[], object],
) -> SqlResult:
    """Return what a measured statement answered.

    Args:
        cursor: What reads values, and can ask the server.
        fetched: Its rows, each with the number and size of those so far or of all, and the first with all names.
        limits: What that may hold.
        is_select: Whether it changes no rows.
        before_asking: Called before the server is asked for a type that the driver does not know.

    Raises:
        SqlRefused: It has too many rows or bytes, or a column of a type that has no equal among a plugin's values.
    """
    (_, _, names, first), (row_count, byte_count, _, _) = fetched[0], fetched[-1]
    if row_count > limits.rows:
        raise SqlRefused(f"the answer has more than {limits.rows} rows; use LIMIT")
    if byte_count > limits.result_bytes:
        raise SqlRefused(f"the answer has {byte_count} bytes; at most {limits.result_bytes} are allowed")
    oids = _base_types(cursor, [oid for oid, _ in first], before_asking)
    columns = [_column(cursor, name, oid) for name, oid in zip(names, oids, strict=True)]
    loads = _loads(cursor, oids)
    rows = [row[3] for row in fetched] if row_count else []  # without rows there is one of nulls, for the types
    converted = tuple(
        tuple(
            from_database(None if data is None else load(data), column)
            for column, load, (_, data) in zip(columns, loads, row, strict=True)
        )
        for row in rows
    )
    return SqlResult(tuple(column.name for column in columns), converted, 0 if is_select else row_count)


def _base_types(cursor: RawCursor[Any], oids: Sequence[int], before_asking: Callable[[], object]) -> list[int]:
    """Put the type behind each domain of the host in its place; PostgreSQL itself does so outside of records."""
    strange = [oid for oid in oids if cursor.adapters.types.get(oid) is None]
    if not strange:
        return list(oids)
    before_asking()
    found = dict(cursor.execute(_BASE_TYPES, [strange], prepare=False, binary=False).fetchall())
    return [found.get(oid, oid) for oid in oids]


def _loads(cursor: RawCursor[Any], oids: Sequence[int]) -> list[Callable[[bytes], Any]]:
    transformer = Transformer(cursor)
    return [transformer.get_loader(oid, Format.BINARY).load for oid in oids]


def _column(cursor: RawCursor[Any], name: str, oid: int) -> Column:
    known = cursor.adapters.types.get(oid)
    if known is None or known.name not in _TYPES:
        type_name = known.name if known else f"number {oid}"
        raise unknown_type(Column(name, type_name), type_name)
    if oid != known.array_oid:
        return Column(name, known.name)
    if known.name in _NO_ARRAYS:
        raise unknown_type(Column(name, known.name), f"{known.name}[]")
    return Column(name, f"{known.name}[]")
