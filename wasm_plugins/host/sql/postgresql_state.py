"""What is read of a PostgreSQL connection around a statement, and what must be the same after it as before."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, Final

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.pq import PipelineStatus

from .errors import SqlRefused
from .postgresql_text import Relation

# Planning is most of what these two cost, so they call functions and join as little as can be.
# Who runs, where names are found, what may be written, which transaction this is, whether temporary tables are there,
# and whether the host may call the plugin's function, which is null where there is none.
_STATE: Final = """ARRAY[current_user::pg_catalog.text, session_user::pg_catalog.text,
pg_catalog.current_setting('search_path'), pg_catalog.current_setting('transaction_read_only'),
pg_catalog.current_setting('transaction_isolation'), pg_catalog.current_setting('row_security'),
pg_catalog.current_setting('session_replication_role'), pg_catalog.now()::pg_catalog.text,
pg_catalog.pg_my_temp_schema()::pg_catalog.text,
pg_catalog.has_function_privilege(pg_catalog.to_regprocedure($1)::pg_catalog.oid, 'EXECUTE')::pg_catalog.text]"""

# A transaction that sees the past would see columns that are gone, and a plugin's "t.gone" is then a call of a function
# of that name: has_column_privilege looks at the present, and is null for them.
# Views are tables here: the admin named the view, and what it reads is the business of who wrote it.
_RELATIONS: Final = """SELECT pg_catalog.jsonb_object_agg(c.relname, pg_catalog.jsonb_build_array(
c.relnamespace::pg_catalog.regnamespace::pg_catalog.text, ARRAY(
SELECT ARRAY[a.attname::pg_catalog.text, a.atttypid::pg_catalog.regtype::pg_catalog.text, a.atttypid::pg_catalog.text]
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
AND pg_catalog.has_column_privilege(a.attrelid, a.attnum, 'SELECT') IS NOT NULL ORDER BY a.attnum),
c.relkind = 'r' AND NOT c.relhassubclass))
FROM pg_catalog.pg_class c WHERE c.oid = ANY(ARRAY[{wanted}]::pg_catalog.oid[]) AND c.relkind IN ('r', 'p', 'v', 'm')"""
_WANTED: Final = "pg_catalog.to_regclass(pg_catalog.quote_ident(($4::pg_catalog.text[])[{number}]))::pg_catalog.oid"

# 0 is no timeout. A stricter one of the host stays.
_LOWERED: Final = """pg_catalog.current_setting('{name}'), pg_catalog.set_config('{name}', pg_catalog.concat(
GREATEST(1, LEAST({most}::pg_catalog.int8, NULLIF((EXTRACT(epoch FROM pg_catalog.current_setting('{name}')
::pg_catalog.interval) * 1000)::pg_catalog.int8, 0))), 'ms'), true)"""

_BEFORE: Final = f"""SELECT {_STATE}, ({_RELATIONS}), {_LOWERED.format(name="statement_timeout", most="$2")},
{_LOWERED.format(name="lock_timeout", most="$3")}"""

# As before, where what it would find is expected. It fails, and nothing that was sent behind it is run, if the tables,
# the plugin's function or the timeouts are others by now.
_COMPARED: Final = """1 / (CASE WHEN found.relations IS NOT DISTINCT FROM $5::pg_catalog.jsonb
AND found.state[10] IS NOT DISTINCT FROM $6::pg_catalog.text AND found.statement_timeout = $7::pg_catalog.text
AND found.lock_timeout = $8::pg_catalog.text THEN 1 ELSE 0 END)"""

_BEFORE_AS_KNOWN: Final = f"""SELECT state, {_COMPARED}
FROM ({_BEFORE}) AS found (state, relations, statement_timeout, lowered_1, lock_timeout, lowered_2)"""  # noqa: S608

AFTER: Final = f"""SELECT {_STATE}, pg_catalog.set_config('statement_timeout', $2, true),
pg_catalog.set_config('lock_timeout', $3, true)"""


@cache
def before(tables: int) -> str:
    """Write what looks at a connection and at so many tables, and lowers both timeouts."""
    return _BEFORE.format(wanted=_wanted(tables))


@cache
def before_as_known(tables: int) -> str:
    """Write the same for when what it would find is expected."""
    return _BEFORE_AS_KNOWN.format(wanted=_wanted(tables))


def _wanted(tables: int) -> str:
    # Where there is no table, the first is null, and so is what it is looked up as.
    return ", ".join(_WANTED.format(number=number) for number in range(1, max(1, tables) + 1))


def spelled(values: Sequence[str | int | None]) -> list[bytes | None]:
    """Spell parameters of these statements as PostgreSQL does."""
    return [None if value is None else str(value).encode() for value in values]


def listed(tables: Collection[str]) -> str:
    """Spell names of tables as an array; they are a grant's, so nothing in them needs more than quotes."""
    return "{{{}}}".format(",".join(f'"{name}"' for name in sorted(tables)))


_CATALOGUES: Final = frozenset({"pg_catalog", "information_schema"})

_REPORTED: Final = (
    b"client_encoding",
    b"standard_conforming_strings",
    b"DateStyle",
    b"IntervalStyle",
    b"TimeZone",
    b"application_name",
    b"default_transaction_read_only",
    b"is_superuser",
    b"session_authorization",
    b"search_path",
)
"""Settings of which the server tells every change by itself, so reading them costs nothing."""

_NEEDED: Final = (("standard_conforming_strings", "on"), ("client_encoding", "UTF8"))
# With the first one off, the server would read a backslash differently from the parser that proved the text.


def check_readable(raw: Any) -> None:
    """Refuse a connection on which the server would read a text in another way than the parser.

    Raises:
        OperationalError: The connection is closed.
        SqlRefused: A setting is not as it must be, or the host has opened a pipeline of its own.
    """
    if raw.closed:
        raise OperationalError("the connection was lost")
    if raw.pgconn.pipeline_status != PipelineStatus.OFF:
        raise SqlRefused("the project has a pipeline open on this connection; it must leave that before a plugin asks")
    for name, needed in _NEEDED:
        if raw.info.parameter_status(name) != needed:
            raise SqlRefused(f"the connection has {name} = {raw.info.parameter_status(name)}; plugins need {needed}")


def relations_of(found: str | None) -> dict[str, Relation]:
    """Read the tables that ``before`` found, by name; those of the catalogues are none."""
    named = json.loads(found or "{}")
    return {
        name: Relation(
            _unquoted(schema), frozenset(column for column, _, _ in typed), tuple(map(tuple, typed)), is_plain
        )
        for name, (schema, typed, is_plain) in named.items()
        if schema not in _CATALOGUES
    }


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def reported(raw: Any) -> list[bytes | None]:
    """Return the settings of which the server has told; asks nothing of it."""
    of_server = raw.pgconn.parameter_status
    return [of_server(name) for name in _REPORTED]


def check_same(
    connection: BaseDatabaseWrapper,
    before: bytes | None,
    after: bytes | None,
    reported_before: Sequence[bytes | None],
    reported_after: Sequence[bytes | None],
) -> None:
    """See to it that nothing has changed.

    Raises:
        OperationalError: Something did. The connection is closed then, and with it the transaction.
    """
    if before == after and reported_before == reported_after:
        return
    # What a proved statement cannot do has happened. Nothing of it may be committed or used again.
    connection.close()
    raise OperationalError("a plugin's statement changed the state of its connection; the connection was closed")
