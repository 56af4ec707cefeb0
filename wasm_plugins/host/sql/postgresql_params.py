"""Typed parameters on their way through a plugin's function, which takes all of them as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pglast.parser import scan
from psycopg import RawCursor, errors
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import ExecStatus

from .postgresql_answer import BEHIND_DOMAINS
from .postgresql_known import NotKnown
from .postgresql_text import Relation
from .remembered import Remembered

_QUOTE: Final = '"'
"""Around the name of the type "char", as the driver knows it."""

_UNKNOWN: Final = 0
_BUILT_IN: Final = 10_000
"""Types with a lower number come with PostgreSQL."""

# Of a domain, the type that it is made of: a cast to a domain of a varchar cuts a text that is too long and says
# nothing, where the column that it is for refuses it.
_NAMES: Final = (
    BEHIND_DOMAINS.format(wanted="layers.named, pg_catalog.quote_ident(n.nspname), pg_catalog.quote_ident(t.typname)")
    + "\nJOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace"
)


_casts: Final = Remembered[str]()


@dataclass(frozen=True, slots=True)
class Passed:
    """A statement and its parameters as a plugin's function takes them."""

    text: str
    """The statement, in which every placeholder is cast to the type that it would have had by itself."""

    values: list[str | None]
    """The parameters as PostgreSQL spells them."""


def pass_as_text(
    cursor: RawCursor[Any],
    text: str,
    params: Sequence[object],
    relations: Mapping[str, Relation],
    *,
    may_ask: bool,
) -> Passed:
    """Spell parameters as text, and have the statement say of which types they are.

    A parameter whose type depends on its place (text, json, null) is given the type that the server finds for it; the
    server is asked to read the statement for that, and runs nothing. It is asked once for as long as the tables are as
    they are.

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
    if not params:
        return Passed(text, [])
    transformer = Transformer(cursor)
    dumpers = [None if value is None else transformer.get_dumper(value, PyFormat.TEXT) for value in params]
    oids = [_UNKNOWN if dumper is None else dumper.oid for dumper in dumpers]
    values = [
        None if dumper is None else _spelled(dumper.dump(value)) for dumper, value in zip(dumpers, params, strict=True)
    ]
    at = cursor.connection.info
    key = (at.host, at.port, at.dbname, text, tuple(oids), frozenset(relations.items()))
    return Passed(_casts.get(key, lambda: _with_types(cursor, text, oids, may_ask)), values)


def _with_types(cursor: RawCursor[Any], text: str, oids: Sequence[int], may_ask: bool) -> str:
    if not may_ask:
        raise NotKnown
    if _UNKNOWN in oids:
        oids = _found_types(cursor, text, oids)
    names = _type_names(cursor, oids)
    return _cast(text, [names[oid] for oid in oids])


def _spelled(data: Any) -> str | None:
    return None if data is None else bytes(data).decode()


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
            names[oid] = f'pg_catalog."{prefix}{known.name.strip(_QUOTE)}"'
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
