"""The proof that one SQLite statement touches only granted tables: it compiles where there are no others."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, Protocol

from ...scopes.tables import TableGrant
from .checked import check_params, check_text
from .engine import SqlLimits
from .errors import SqlRefused
from .nesting import Piece, check_nesting
from .remembered import Remembered
from .sqlite_words import ACTIONS, FIRST_WORDS, FUNCTIONS, NO_NAMES, OPERATIONS

# INSERT OR REPLACE, UPDATE OR REPLACE and REPLACE INTO delete rows without asking the authorizer. Their word is never
# followed by a bracket, as that of the function replace() is. Searched in the raw text: a comment before the bracket
# or the word within a string refuses too much, never too little.
_REPLACE: Final = re.compile(r"\breplace\b(?!\s*\()", re.IGNORECASE)
# SQLite's own tokens, as far as they matter here: none has a backslash, and comments do not nest.
_TOKEN: Final = re.compile(
    r"""'(?:[^']|'')*'?|--[^\n]*|/\*.*?(?:\*/|\Z)|(?P<quoted>"(?:[^"]|"")*"|`[^`]*`|\[[^]]*\])"""
    r"""|(?P<word>[^\W\d][\w$]*)|(?P<bracket>[()])|.""",
    re.DOTALL,
)
_FIRST_WORD: Final = re.compile(r"\s*([a-z]+)\b", re.IGNORECASE | re.ASCII)

_COMPILE_LIMITS: Final = {
    sqlite3.SQLITE_LIMIT_COLUMN: 100,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 20,
}

_DEFINITIONS: Final = """
SELECT lower(name), name, type, sql FROM main.sqlite_master WHERE sql IS NOT NULL AND (
    (type IN ('table', 'view') AND lower(name) IN ({0}))
    OR (type = 'index' AND lower(tbl_name) IN ({0}) AND sql LIKE 'CREATE UNIQUE INDEX%'))
ORDER BY type = 'index'"""


_proved: Final = Remembered[None]()


class Provable(Protocol):
    """A connection whose statements can be proved: Django's wrapper of one, or what an author's tools have instead."""

    alias: str
    """Names the database: what was proved for one is remembered for that one alone."""

    connection: Any
    """The connection of ``sqlite3``."""

    def get_connection_params(self) -> Any:
        """Return the arguments that ``get_new_connection`` takes."""
        ...

    def get_new_connection(self, conn_params: Any, /) -> Any:
        """Open another connection, with the same functions."""
        ...


class _Used(dict[str, None]):
    """Parameters of every name, all null, which remember the names that were asked for."""

    def __missing__(self, name: str) -> None:
        self[name] = None


class Guard:
    """An authorizer that keeps its first refusal, and any exception raised within it.

    sqlite3 swallows what a callback raises. A job's time limit arrives as a signal, so as an exception in whatever
    Python code runs at that moment: it is kept here and must be raised again after the statement.
    """

    def __init__(self, decide: Callable[[int, str | None, str | None, str | None], str | None]) -> None:
        self._decide = decide
        self.refusal: str | None = None
        self.kept: BaseException | None = None

    def __call__(
        self, action: int, first: str | None, second: str | None, database: str | None, origin: str | None
    ) -> int:
        try:
            refusal = self._decide(action, first, second, database)
        except BaseException as exc:
            self.kept = self.kept or exc
            return sqlite3.SQLITE_DENY
        if refusal is None:
            return sqlite3.SQLITE_OK
        self.refusal = self.refusal or refusal
        return sqlite3.SQLITE_DENY


def prove(connection: Provable, sql: str, params: int, grant: TableGrant, limits: SqlLimits) -> None:
    """Compile a statement in an empty database that holds the granted tables and nothing else, under an authorizer.

    The authorizer alone, on the real database, cannot tell a plugin's access from the host's own: checking a foreign
    key reads the other table exactly as a plugin would, and the name of the trigger or view that SQLite reports as
    the origin of an access is also the name of any common table expression, so a plugin can forge it. In the shadow
    there are no foreign keys, triggers or views, thus whatever is asked there the plugin's own text asked for; what
    the host's foreign keys, triggers and granted views do on the real database is the business of the host.

    What was proved is remembered for as long as the granted tables are defined as they are.

    Raises:
        SqlRefused: The statement needs anything that is not granted or not on the lists.
    """
    definitions = tuple(_definitions(connection.connection, sorted(grant.tables)))
    defined = hashlib.sha256("\0".join(definitions).encode()).digest()  # they may be long, and there may be many
    key = (connection.alias, sql, params, frozenset(grant.tables.items()), limits, defined)
    _proved.get(key, lambda: _prove(connection, sql, params, grant, limits, definitions))


def _prove(
    connection: Provable,
    sql: str,
    params: int,
    grant: TableGrant,
    limits: SqlLimits,
    definitions: Sequence[str],
) -> None:
    _check_text(sql, limits)
    used = _Used()
    guard = Guard(lambda *asked: _decide(grant, *asked))
    with _shadow(connection, definitions) as shadow:
        for limit, most in _COMPILE_LIMITS.items():
            shadow.setlimit(limit, most)
        shadow.set_authorizer(guard)
        try:
            # EXPLAIN compiles and runs nothing. A text that begins with EXPLAIN itself was refused before.
            shadow.execute("EXPLAIN " + sql, used).close()
        except (sqlite3.Error, sqlite3.Warning) as exc:
            if guard.kept is None:
                raise SqlRefused(guard.refusal or f"the statement cannot be proved: {exc}") from exc
    if guard.kept is not None:
        raise guard.kept
    check_params(used, params, limits)


def _check_text(sql: str, limits: SqlLimits) -> None:
    check_text(sql, limits.sql_bytes)
    first = _FIRST_WORD.match(sql)
    if first is None or first[1].lower() not in FIRST_WORDS:
        raise SqlRefused(f"{sql.strip()[:20]!r} is not allowed; only SELECT, INSERT, UPDATE and DELETE are")
    if _REPLACE.search(sql):
        raise SqlRefused("REPLACE is not allowed, it deletes unasked; use INSERT … ON CONFLICT DO UPDATE")
    check_nesting(_pieces(sql))


def _pieces(sql: str) -> Iterator[Piece]:
    for token in _TOKEN.finditer(sql):
        word = (token["word"] or "").lower()
        if word == "with":
            raise SqlRefused("WITH is not allowed; write the sub-select where it is used")
        if token["bracket"] is not None:
            yield "(" if token["bracket"] == "(" else ")"
        elif word == "select":
            yield "select"
        elif word not in NO_NAMES or token["quoted"] is not None:
            yield "name"


@contextmanager
def _shadow(connection: Provable, definitions: Sequence[str]) -> Iterator[sqlite3.Connection]:
    # Made by Django's backend, so that the functions which CHECK constraints of the host may use are there.
    settings = {**connection.get_connection_params(), "database": ":memory:", "uri": False}
    shadow: sqlite3.Connection = connection.get_new_connection(settings)
    try:
        shadow.execute("PRAGMA foreign_keys = OFF")
        for statement in definitions:
            shadow.execute(statement)
        yield shadow
    except sqlite3.Error as exc:
        raise SqlRefused("a granted table cannot be copied to where statements are proved") from exc
    finally:
        shadow.close()


def _definitions(raw: Any, tables: list[str]) -> list[str]:
    """List what makes the granted tables, with their unique indexes, which ON CONFLICT must find."""
    marks = ",".join(f"?{number}" for number in range(1, len(tables) + 1))
    found = raw.cursor().execute(_DEFINITIONS.format(marks), tables).fetchall() if tables else []
    return [_view(raw, name) if kind == "view" else sql for _, name, kind, sql in found if not _is_virtual(sql)]


def _is_virtual(sql: str) -> bool:
    return sql.startswith("CREATE VIRTUAL")


def _view(raw: Any, name: str) -> str:
    columns = [row[0] for row in raw.cursor().execute("SELECT name FROM pragma_table_xinfo(?)", [name])]
    return f"CREATE TABLE {_quoted(name)} ({', '.join(map(_quoted, columns))})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _decide(grant: TableGrant, action: int, first: str | None, second: str | None, database: str | None) -> str | None:
    """Return why an action is refused, or ``None``."""
    if action == sqlite3.SQLITE_SELECT:
        return None
    if action == sqlite3.SQLITE_FUNCTION:
        return None if str(second).lower() in FUNCTIONS else f"function {second!r:.80} is not allowed"
    operation = OPERATIONS.get(action)
    if operation is None:
        return f"{ACTIONS.get(action, action)} is not allowed; only SELECT, INSERT, UPDATE and DELETE are"
    table = str(first).lower()
    if operation in grant.tables.get(table, ()):
        return None
    granted = ", ".join(sorted(grant.tables.get(table, ()))) or "nothing"
    return f"{operation} on table {table!r:.80} is not granted; granted on it: {granted}"
