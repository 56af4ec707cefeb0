"""The second wall on PostgreSQL: a function per plugin that runs statements with that plugin's rights and no others.

The function is ``SECURITY DEFINER`` and belongs to a role that nobody can log in as. Inside of it PostgreSQL itself
refuses a change of role and the end of the transaction, and the role may do on tables exactly what was granted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from psycopg import sql

from .errors import SqlUnavailable

SCHEMA: Final = "wasm_plugins_runner"
"""Where the functions are. It belongs to the host; plugins' roles may not even look into it."""

SIGNATURE: Final = "(pg_catalog.text, pg_catalog.text[], pg_catalog.int8, pg_catalog.int8, pg_catalog.text)"
"""Types of a function's arguments: a statement whose rows are measured one by one, its parameters as text, the rows and
bytes it may answer with, and the rest of one that measures itself, or that tells names and types of the first one where
it has no row. Without a number of rows they are only counted."""

MOST_PARAMS: Final = 32
"""Parameters that a function passes on; those that are not given are null."""

MEASURING: Final = "WITH answer AS "
"""What stands before a statement that measures itself."""

FEW_PARAMS: Final = 4
"""Up to so many, it takes less time not to pass on all of them."""


# Everything is computed inside the function, with its owner's rights: a cursor that it opened would be run by whoever
# fetches from it. No parameter or variable is named in a statement of ours, so no column can be taken for one.
# A text that begins with WITH can only read or change rows, and a loop takes one statement and no more. So not even a
# text that was never proved can prepare another statement in the place of one that the host then executes by its name.
# A SELECT is measured here: to measure itself, it takes longer to plan than to run. Its names are the keys of its first
# row as json, unless json in that row has an escape, which PostgreSQL stores and may not read; then, and where there is
# no row, the same SELECT is asked for its names and types only, and not evaluated again.
_ESCAPE: Final = "pg_catalog.chr(92) OPERATOR(pg_catalog.||) 'u'"

_LOOPS: Final = """
IF $1 IS NOT NULL THEN
FOR answer IN EXECUTE 'WITH proved AS (SELECT) ' OPERATOR(pg_catalog.||) $1 USING {params} LOOP
row_count := row_count OPERATOR(pg_catalog.+) 1;
CONTINUE WHEN $3 IS NULL;
byte_count := byte_count OPERATOR(pg_catalog.+) pg_catalog.octet_length(answer::pg_catalog.text);
IF row_count OPERATOR(pg_catalog.>) $3 OR byte_count OPERATOR(pg_catalog.>) $4 THEN
answer := NULL;
RETURN NEXT;
RETURN;
END IF;
IF row_count OPERATOR(pg_catalog.>) 1 THEN
names := NULL;
ELSIF pg_catalog.strpos(pg_catalog.row_to_json(answer)::pg_catalog.text, {escape}) OPERATOR(pg_catalog.=) 0 THEN
names := ARRAY(SELECT pg_catalog.json_object_keys(pg_catalog.row_to_json(answer)));
ELSE
FOR measured IN EXECUTE '{measuring}' OPERATOR(pg_catalog.||) $5 USING {params} LOOP
names := measured.names;
END LOOP;
END IF;
RETURN NEXT;
END LOOP;
END IF;
IF row_count OPERATOR(pg_catalog.=) 0 AND $5 IS NOT NULL THEN
FOR measured IN EXECUTE '{measuring}' OPERATOR(pg_catalog.||) $5 USING {params} LOOP
row_count := measured.row_count;
byte_count := measured.byte_count;
names := measured.names;
answer := measured.answer;
RETURN NEXT;
END LOOP;
END IF;"""


def _with(params: int) -> str:
    numbered = ", ".join(f"$2[{number}]" for number in range(1, params + 1))
    return _LOOPS.format(params=numbered, escape=_ESCAPE, measuring=MEASURING)


BODY: Final = f"""
DECLARE measured record;
BEGIN
row_count := 0;
byte_count := 0;
IF pg_catalog.cardinality($2) OPERATOR(pg_catalog.<=) {FEW_PARAMS} THEN{_with(FEW_PARAMS)}
ELSE{_with(MOST_PARAMS)}
END IF;
IF $3 IS NULL AND $5 IS NULL THEN
answer := NULL;
RETURN NEXT;
END IF;
END
"""

_CREATE: Final = """CREATE OR REPLACE FUNCTION {function}(pg_catalog.text, pg_catalog.text[], pg_catalog.int8,
pg_catalog.int8, pg_catalog.text,
OUT row_count pg_catalog.int8, OUT byte_count pg_catalog.int8, OUT names pg_catalog.text[],
OUT answer pg_catalog.record)
RETURNS SETOF pg_catalog.record LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = {path} AS {body}"""


@lru_cache(maxsize=1_024)
def role_of(plugin: str, database: str) -> str:
    """Name the role of a plugin in a database, and its function; at most 63 bytes of lower-case letters, digits and _.

    Roles belong to a whole cluster of databases, so the name holds a digest of both names: two databases, or two long
    names with the same beginning, never share one.
    """
    digest = hashlib.sha256(f"{database}\0{plugin}".encode()).hexdigest()[:12]
    return f"wasm_plugin_{plugin.replace('-', '_')[:38]}_{digest}"


def create_function(role: str, path: Sequence[str]) -> sql.Composed:
    """Write the statement that makes a role's function, to be run as that role.

    Args:
        role: Name of the role and of its function.
        path: The host's schemas, where operators of the host's types are found.
    """
    schemas = sql.SQL(", ").join(map(sql.Identifier, (*path, "pg_temp")))
    return sql.SQL(_CREATE).format(function=sql.Identifier(SCHEMA, role), path=schemas, body=sql.Literal(BODY))


@lru_cache(maxsize=1_024)
def call_text(role: str) -> str:
    """Write the statement with which the host calls a role's function."""
    function = sql.Identifier(SCHEMA, role)
    return (
        sql.SQL("SELECT row_count, byte_count, names, answer FROM {}($1, $2, $3, $4, $5)")
        .format(function)
        .as_string(None)
    )


def must_use(when: Any, is_there: bool, alias: str) -> bool:
    """Tell whether a statement goes through the function.

    Args:
        when: The setting ``DATABASE_RUNNER``.
        is_there: Whether the plugin has a function that the host may call.
        alias: The database, for the message.

    Raises:
        SqlUnavailable: It has to, and there is none.
    """
    if when == "required" and not is_there:
        raise SqlUnavailable(
            f"this plugin has no runner on database {alias!r}, and this project requires one; "
            "manage.py plugins database --apply makes it"
        )
    return is_there and when != "off"
