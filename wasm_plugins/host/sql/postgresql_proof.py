"""The proof that one PostgreSQL statement touches only granted tables, from its parse tree alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from pglast.parser import ParseError, parse_sql, scan

from ...scopes.tables import Operation, TableGrant
from . import postgresql_words as listed
from .checked import check_params, check_text
from .engine import SqlLimits
from .errors import SqlRefused
from .nesting import Piece, check_nesting
from .postgresql_nodes import Proved, check_node, nodes, refused
from .words import words

SAFE_BYTES: Final = 16 * 1024
MOST_TOKENS: Final = 4_000
# Every level of the tree needs one token that is neither a name, a constant, a comma nor a dot, so their number
# bounds the depth. The parser recurses in C: it was measured to end the process at some 24,000 levels on a stack of
# 8 MiB, so 500 fit in a thread that has 512 KiB.
MOST_STRUCTURE: Final = 500
_FLAT: Final = words("IDENT SCONST ICONST FCONST PARAM ASCII_44 ASCII_46 SQL_COMMENT C_COMMENT")
_BRACKETS: Final[dict[str, Piece]] = {"ASCII_40": "(", "ASCII_41": ")"}
_NAMES: Final = words("IDENT UIDENT")
_NAME_KINDS: Final = words("UNRESERVED_KEYWORD COL_NAME_KEYWORD TYPE_FUNC_NAME_KEYWORD")


def prove(sql: str, params: int, grant: TableGrant, limits: SqlLimits) -> Proved:
    """Parse a statement and check every node of it.

    Raises:
        SqlRefused: The first thing found that is not on the allow-lists or not granted.
    """
    check_text(sql, min(limits.sql_bytes, SAFE_BYTES))
    proved = _parse(sql)
    for node in nodes(proved.tree):
        check_node(node, proved)
    check_params({str(number) for number in proved.params}, params, limits)
    _check_grants(proved, grant)
    return proved


def _parse(sql: str) -> Proved:
    try:
        tokens = scan(sql)
        structure = sum(token.name not in _FLAT for token in tokens)
        if len(tokens) > MOST_TOKENS or structure > MOST_STRUCTURE:
            raise SqlRefused(
                f"the statement has {len(tokens)} words, {structure} of them keywords, operators and brackets; "
                f"at most {MOST_TOKENS} and {MOST_STRUCTURE} are allowed"
            )
        check_nesting(_pieces(tokens))
        statements = parse_sql(sql)
    except ParseError as exc:
        raise SqlRefused(f"the statement is not valid SQL: {exc}") from exc
    if len(statements) != 1:
        raise SqlRefused(f"{len(statements)} statements in one text; exactly one is allowed")
    tree = statements[0].stmt
    name = type(tree).__name__
    if name not in listed.STATEMENTS:
        raise refused(name.removesuffix("Stmt"), "only SELECT, INSERT, UPDATE and DELETE are")
    return Proved(tree, listed.STATEMENTS[name])  # type: ignore[arg-type]


def _pieces(tokens: Sequence[Any]) -> Iterator[Piece]:
    for token in tokens:
        if token.name in _BRACKETS:
            yield _BRACKETS[token.name]
        elif token.name == "SELECT":
            yield "select"
        elif token.name in _NAMES or token.kind in _NAME_KINDS:
            yield "name"


def _check_grants(proved: Proved, grant: TableGrant) -> None:
    target = None if proved.operation == "select" else proved.tree.relation
    for node in nodes(proved.tree):
        if type(node).__name__ == "RangeVar":
            needed = _target_needs(proved) if node is target else ("select",)
            for operation in needed:
                require(grant, node.relname, operation)


def require(grant: TableGrant, table: str, operation: Operation) -> None:
    """Refuse an operation on a table that the grant does not name."""
    if not grant.allows(table, operation):
        granted = ", ".join(sorted(grant.tables.get(table, ()))) or "nothing"
        raise SqlRefused(f"{operation} on table {table!r:.80} is not granted; granted on it: {granted}")


def _target_needs(proved: Proved) -> tuple[Operation, ...]:
    # As PostgreSQL's own privileges: a WHERE, a RETURNING or an expression that reads needs "select" as well.
    conflict = proved.tree.onConflictClause if proved.operation == "insert" else None
    reads = proved.tree.returningClause is not None or conflict is not None
    if proved.operation != "insert":
        reads = reads or proved.reads_columns
    updates = conflict is not None and conflict.action.name == "ONCONFLICT_UPDATE"
    extra: tuple[Operation, ...] = ("select",) if reads else ()
    return (proved.operation, *extra, *(("update",) if updates else ()))
