"""Typed parameters on their way through a plugin's function, which takes all of them as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pglast.parser import scan
from psycopg import RawCursor, errors
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus

from .postgresql_known import NotKnown
from .postgresql_text import Relation
from .remembered import Remembered

_UNKNOWN: Final = 0
_BUILT_IN: Final = 10_000
"""Types with a lower number come with PostgreSQL."""

_NAMES: Final = """SELECT t.oid::pg_catalog.int8, pg_catalog.quote_ident(n.nspname), pg_catalog.quote_ident(t.typname)
FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE t.oid = ANY($1::pg_catalog.int8[]::pg_catalog.oid[])"""


_casts: Final = Remembered[str]()


@dataclass(frozen=True, slots=True)
class Spelled:
    """Parameters as PostgreSQL spells them."""

    values: list[str | None]

    oids: tuple[int, ...]
    """Numbers of their types; 0 where that depends on the place in the statement (text, json, null)."""

    def execution(self, name: bytes) -> str:
        """Write the statement that executes a plan by name with these parameters."""
        if not self.values:
            return f"EXECUTE {name.decode()}"
        return f"EXECUTE {name.decode()}({', '.join(map(_literal, self.values))})"


def spell(cursor: RawCursor[Any], params: Sequence[object]) -> Spelled:
    """Spell parameters, as a cursor does it.

    Raises:
        psycopg.Error: A parameter cannot be written.
    """
    if not params:
        return Spelled([], ())
    transformer = Transformer(cursor)
    dumpers = [None if value is None else transformer.get_dumper(value, PyFormat.TEXT) for value in params]
    values = [
        None if dumper is None else _decoded(dumper.dump(value)) for dumper, value in zip(dumpers, params, strict=True)
    ]
    return Spelled(values, tuple(_UNKNOWN if dumper is None else dumper.oid for dumper in dumpers))


def with_types(
    cursor: RawCursor[Any], text: str, params: Spelled, relations: Mapping[str, Relation], *, may_ask: bool
) -> str:
    """Return a statement in which every placeholder is cast to the type that it would have had by itself.

    A parameter whose type depends on its place is given the type that the server finds for it; the server is asked to
    read the statement for that, and runs nothing. It is asked once for as long as the tables are as they are.

    Args:
        cursor: The cursor that will run it.
        text: The statement.
        params: Its parameters.
        relations: The tables that it names.
        may_ask: Whether the server may be asked now.

    Raises:
        NotKnown: The server has to be asked, and may not be.
        psycopg.Error: The server cannot read the statement.
    """
    if not params.values:
        return text
    at = cursor.connection.info
    key = (at.host, at.port, at.dbname, text, params.oids, frozenset(relations.items()))
    return _casts.get(key, lambda: _with_types(cursor, text, params.oids, may_ask))


def _with_types(cursor: RawCursor[Any], text: str, oids: Sequence[int], may_ask: bool) -> str:
    if not may_ask:
        raise NotKnown
    if _UNKNOWN in oids:
        oids = _found_types(cursor, text, oids)
    names = _type_names(cursor, oids)
    return _cast(text, [names[oid] for oid in oids])


def _decoded(data: Any) -> str | None:
    return None if data is None else bytes(data).decode()


def _literal(value: str | None) -> str:
    """Quote a value for a server that reads a backslash as itself: a connection is refused where it does not."""
    return "NULL" if value is None else "'" + value.replace("'", "''") + "'"


def _found_types(cursor: RawCursor[Any], text: str, oids: Sequence[int]) -> list[int]:
    connection = cursor.connection.pgconn
    for result in (connection.prepare(b"", text.encode(), oids), connection.describe_prepared(b"")):
        if result.status != ExecStatus.COMMAND_OK:
            raise errors.error_from_result(result)
    return [result.param_type(at) for at in range(result.nparams)]


def _type_names(cursor: RawCursor[Any], oids: Sequence[int]) -> Mapping[int, str]:
    names = {}
    for oid in oids:
        known = cursor.adapters.types.get(oid)
        if known is not None and oid < _BUILT_IN:
            prefix = "_" if oid == known.array_oid else ""
            names[oid] = f'pg_catalog."{prefix}{known.name}"'
    if missing := [oid for oid in oids if oid not in names]:
        found = cursor.execute(_NAMES, [missing], prepare=False, binary=False).fetchall()
        names |= {oid: f"{schema}.{name}" for oid, schema, name in found}
    return names


def _cast(text: str, names: Sequence[str]) -> str:
    """Put a cast around each placeholder, where the server's own reader of words finds one."""
    parts: list[str] = []
    at = 0
    for token in scan(text):
        if token.name == "PARAM":
            number = int(text[token.start + 1 : token.end + 1])
            parts += [text[at : token.start], f"CAST(${number} AS {names[number - 1]})"]
            at = token.end + 1
    return "".join([*parts, text[at:]])
