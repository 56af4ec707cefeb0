"""The text that is sent to PostgreSQL for a proved statement: its tree, with every name tied down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pglast import ast
from pglast.parser import ParseError, parse_sql
from pglast.stream import RawStream

from .engine import SqlLimits
from .errors import SqlRefused
from .postgresql_nodes import Proved, nodes

_CATALOGUE: Final = "pg_catalog"
_CANNOT_BE_WRITTEN: Final = "the statement cannot be written anew from its parse tree; write it more simply"

# The rows are counted and measured by the server before one of them is sent: the driver would otherwise hold a
# result of any size in memory. The statement is evaluated once; a SELECT stops at the first row too many. Each row is
# one record, which in binary says of which types it is; the join without a condition that holds gives one record of
# nulls where there are no rows. An object of json keeps names that repeat, and their order.
_MEASURED: Final = """MATERIALIZED (
{statement}
), bounded AS MATERIALIZED (SELECT * FROM answer LIMIT {most_rows}),
size AS MATERIALIZED (
SELECT pg_catalog.count(*) AS row_count,
COALESCE(pg_catalog.sum(pg_catalog.octet_length(CAST(ROW(bounded.*) AS pg_catalog.text))), 0) AS byte_count
FROM bounded),
empty AS (SELECT bounded.* FROM size LEFT JOIN bounded ON false)
SELECT size.row_count, size.byte_count,
ARRAY(SELECT pg_catalog.json_object_keys(pg_catalog.row_to_json(empty)) FROM empty) AS names,
ROW(bounded.*) AS answer FROM size LEFT JOIN bounded
ON size.row_count OPERATOR(pg_catalog.<=) {rows} AND size.byte_count OPERATOR(pg_catalog.<=) {size_bytes}"""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as the catalogue has it."""

    schema: str
    """Where the host's search_path finds it."""

    columns: frozenset[str]
    """Names of its columns."""

    types: tuple[tuple[str, str, str], ...] = ()
    """Each column with name and number of its type, in their order, so that what is remembered of a table holds for it
    as it is."""

    is_plain: bool = False
    """Whether it is one table, and neither a view nor in parts: a plan for it is as small as the statement."""


def to_text(proved: Proved, relations: Mapping[str, Relation]) -> str:
    """Write the statement anew from its tree, so that the server reads what was proved and nothing else.

    Functions and types are bound to ``pg_catalog``: unqualified, a function of the host with the same name and a
    better match of arguments would win although pg_catalog is searched first. Tables are bound to the schema in
    which they were looked up. The text is then parsed again and must give the same tree, which also catches a
    deparser that writes a constant without quoting it.

    Raises:
        SqlRefused: A table or a column does not exist, or the text does not say what the tree says.
    """
    _check_relations(proved, relations)
    _check_columns(proved, relations)
    for node in nodes(proved.tree):
        match type(node).__name__:
            case "FuncCall":
                node.funcname = (ast.String(_CATALOGUE), node.funcname[-1])
            case "TypeName":
                node.names = (ast.String(_CATALOGUE), node.names[-1])
            case "RangeVar":
                node.schemaname = relations[node.relname].schema
    return _written(proved.tree)


def counted(statement: str) -> str:
    """Have a statement that changes rows answer with one for each, to be counted; no right to read them is needed."""
    return f"{statement}\nRETURNING 1"


def measured(statement: str, limits: SqlLimits) -> str:
    """Wrap a statement that returns rows, to answer with their number and size first; without ``MEASURING``."""
    return _bounded(statement, limits, limits.rows + 1)


def shaped(select: str, limits: SqlLimits) -> str:
    """Wrap a SELECT so that it answers with names and types as if it had no rows, and is not evaluated."""
    return _bounded(select, limits, 0)


def _bounded(statement: str, limits: SqlLimits, most_rows: int) -> str:
    # On lines of its own: should the text end in a comment, the bracket after it is still read.
    return _MEASURED.format(statement=statement, rows=limits.rows, most_rows=most_rows, size_bytes=limits.result_bytes)


def _check_relations(proved: Proved, relations: Mapping[str, Relation]) -> None:
    missing = sorted(proved.tables - set(relations))
    if missing:
        raise SqlRefused(f"there is no table {missing[0]!r:.80} in this database")


def _check_columns(proved: Proved, relations: Mapping[str, Relation]) -> None:
    # PostgreSQL reads a.b as b(a) when a has no column b: that would call any function of one argument.
    for alias, column in proved.qualified:
        meanings = proved.aliases.get(alias)
        if not meanings:
            raise SqlRefused(f"{alias!r:.80} in {column!r:.80} is no table of this statement")
        for meaning in meanings:
            known = relations[meaning].columns if isinstance(meaning, str) else meaning
            if column not in known:
                raise SqlRefused(
                    f"{alias!r:.80} has no column {column!r:.80}; in a sub-select, name it with AS instead of *"
                )


def _written(tree: Any) -> str:
    try:
        text = _printed(tree)
        is_same = _says(text, tree)
    except RecursionError as exc:
        raise SqlRefused("the statement is nested too deeply; split it, or use IN instead of a chain") from exc
    if not is_same:
        raise SqlRefused("the statement, written anew, is not the same; write it more simply")
    return text


def _printed(tree: Any) -> str:
    try:
        return str(RawStream()(tree))
    except (NotImplementedError, ValueError, TypeError, AttributeError, KeyError) as exc:
        # The first is what pglast's printers raise for what they do not know, the others what becomes of an assumption
        # of theirs that does not hold. No code of ours runs in here, so that none of our mistakes ends as a refusal.
        raise SqlRefused(_CANNOT_BE_WRITTEN) from exc


def _says(text: str, tree: Any) -> bool:
    """Tell whether PostgreSQL's parser reads a text as this tree and nothing else."""
    try:
        again = parse_sql(text)
    except (ParseError, ValueError) as exc:  # the second of a text that has no UTF-8
        raise SqlRefused(_CANNOT_BE_WRITTEN) from exc
    return len(again) == 1 and bool(again[0].stmt == tree)
