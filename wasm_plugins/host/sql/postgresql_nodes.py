"""What each node of a PostgreSQL parse tree may look like, and what the proof learns from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pglast import ast

from ...scopes.tables import Operation
from . import postgresql_words as listed
from .errors import SqlRefused

# Longer numbers are harmless to read, but multiplying them takes seconds that statement_timeout does not stop.
_NUMBER: Final = re.compile(r"[0-9.]{1,100}([eE][+-]?[0-9]{1,2})?")


@dataclass(slots=True)
class Proved:
    """A statement whose every node is on the allow-list, and what is still to be checked against the catalogue."""

    tree: Any
    """The statement as the parser sees it."""

    operation: Operation
    """What the statement does."""

    tables: set[str] = field(default_factory=set)
    """Every table it names."""

    aliases: dict[str, list[str | frozenset[str]]] = field(default_factory=dict)
    """What each name in FROM can stand for: a table, or the columns of a sub-select."""

    qualified: set[tuple[str, str]] = field(default_factory=set)
    """Every ``alias.column`` in it."""

    reads_columns: bool = False
    """Whether it names any column to read it."""

    params: set[int] = field(default_factory=set)
    """Numbers of its placeholders."""

    patterns: set[int] = field(default_factory=set)
    """Numbers of those that are patterns of LIKE, so must be short."""

    @property
    def returns_rows(self) -> bool:
        """Whether it answers with rows."""
        return self.operation == "select" or self.tree.returningClause is not None


def nodes(tree: Any) -> Iterator[Any]:
    """Walk a tree without recursion, parents first."""
    waiting: list[Any] = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, ast.Node):
            yield item
            waiting.extend(getattr(item, name) for name in item)
        elif isinstance(item, (tuple, list)):
            waiting.extend(item)


def refused(what: str, allowed: str) -> SqlRefused:
    """Make the error for a construct, with what may be written instead."""
    return SqlRefused(f"{what} is not allowed; {allowed}")


def check_node(node: Any, proved: Proved) -> None:
    """Refuse a node that is not on the lists, and note what it names.

    Raises:
        SqlRefused: The node, or something in it, is not allowed.
    """
    name = type(node).__name__
    if name not in listed.NODES:
        raise refused(listed.SPELLED.get(name, name), "see the list of what a plugin may write")
    check = _CHECKS.get(name)
    if check is not None:
        check(node, proved)


def _select(node: Any, proved: Proved) -> None:
    if not node.targetList and not node.valuesLists and node.op.name == "SETOP_NONE":
        raise SqlRefused("a SELECT without columns is not allowed; name at least one")


def _insert(node: Any, proved: Proved) -> None:
    if node.override.name != "OVERRIDING_NOT_SET":
        raise refused("OVERRIDING", "leave generated columns to the database")
    proved.aliases.setdefault("excluded", []).append(node.relation.relname)


def _result_target(node: Any, proved: Proved) -> None:
    if node.indirection:
        raise refused(f"a part of column {node.name!r:.80}", "name whole columns")


def _range_var(node: Any, proved: Proved) -> None:
    if node.catalogname or node.schemaname or node.relpersistence != "p":
        raise refused(f"schema {node.schemaname!r:.80}", "name tables without a schema")
    proved.tables.add(node.relname)
    _add_alias(proved, node.alias.aliasname if node.alias else node.relname, node.relname)


def _range_subselect(node: Any, proved: Proved) -> None:
    if node.alias is not None:
        _add_alias(proved, node.alias.aliasname, _outputs(node.subquery))


def _add_alias(proved: Proved, name: str, meaning: str | frozenset[str]) -> None:
    if name in listed.ROW_NAMES:
        raise refused(f"the name {name!r} in FROM", "choose another")
    proved.aliases.setdefault(name, []).append(meaning)


def _outputs(select: Any) -> frozenset[str]:
    """Name the columns of a sub-select that are surely columns: those with AS, and plain column names."""
    while select.larg is not None:
        select = select.larg  # a UNION has the names of its first part
    names: set[str] = set()
    for target in select.targetList or ():
        if target.name is not None:
            names.add(target.name)
        elif isinstance(target.val, ast.ColumnRef):
            names.update(part.sval or "" for part in (target.val.fields or ())[-1:] if isinstance(part, ast.String))
    return frozenset(names)


def _alias(node: Any, proved: Proved) -> None:
    if node.colnames:
        raise refused("a list of column names after an alias", "name columns with AS inside the sub-select")


def _join(node: Any, proved: Proved) -> None:
    if node.alias or node.join_using_alias:
        raise refused("an alias of a join", "give each table its own")


def _column(node: Any, proved: Proved) -> None:
    proved.reads_columns = True
    *qualifier, last = node.fields
    if len(qualifier) > 1:
        raise refused("a column with more than one qualifier", "write table.column")
    if qualifier and isinstance(last, ast.String):
        proved.qualified.add((qualifier[0].sval, last.sval or ""))


def _constant(node: Any, proved: Proved) -> None:
    if isinstance(node.val, ast.Float) and _NUMBER.fullmatch(node.val.fval or "") is None:
        raise refused(f"the number {node.val.fval!r:.40}", "at most 100 digits and an exponent of two are")


def _function(node: Any, proved: Proved) -> None:
    *schema, name = (part.sval for part in node.funcname)
    if schema not in ([], ["pg_catalog"]) or name not in listed.FUNCTIONS:
        raise refused(f"function {'.'.join([*schema, name])!r:.80}", "see the list of functions")
    if node.agg_within_group or node.func_variadic:
        raise refused(f"WITHIN GROUP or VARIADIC in {name!r}", "call it plainly")
    if name in listed.TRIMS and len(node.args or ()) > 1:
        raise refused(f"{name!r} of given characters", "it takes blanks off, with one argument")


def _type(node: Any, proved: Proved) -> None:
    *schema, name = (part.sval for part in node.names or ())
    if schema not in ([], ["pg_catalog"]) or name not in listed.TYPES or node.setof or node.pct_type:
        raise refused(f"type {'.'.join([*schema, name])!r:.80}", f"allowed are {', '.join(sorted(listed.TYPES))}")


def _expression(node: Any, proved: Proved) -> None:
    if node.kind.name not in listed.EXPRESSION_KINDS:
        raise refused(node.kind.name.removeprefix("AEXPR_"), "use LIKE or a comparison")
    if "LIKE" in node.kind.name:
        _pattern(node.rexpr, proved)
    elif "BETWEEN" not in node.kind.name:
        _operator(node.name)


def _name_of(call: Any) -> str:
    return str(call.funcname[-1].sval)


def _pattern(node: Any, proved: Proved) -> None:
    """Take a pattern whose length is known: a text of the statement, or a parameter by itself."""
    if isinstance(node, ast.FuncCall) and node.args and _name_of(node) == "like_escape":
        node = node.args[0]  # what LIKE … ESCAPE is to the parser
    if isinstance(node, ast.ParamRef) and node.number:
        proved.patterns.add(node.number)
        return
    text = node.val.sval if isinstance(node, ast.A_Const) and isinstance(node.val, ast.String) else None
    if text is None or len(text.encode()) > listed.PATTERN_BYTES:
        raise refused("this pattern of LIKE", f"a text or a parameter of at most {listed.PATTERN_BYTES} bytes is")


def _operator(names: Any) -> None:
    if names and (len(names) != 1 or names[0].sval not in listed.OPERATORS):
        spelled = ".".join(part.sval for part in names)
        raise refused(f"operator {spelled!r:.80}", f"allowed are {' '.join(sorted(listed.OPERATORS))}")


def _sort(node: Any, proved: Proved) -> None:
    if node.useOp:
        raise refused("ORDER BY … USING", "use ASC or DESC")


def _index_element(node: Any, proved: Proved) -> None:
    if node.collation or node.opclass or node.opclassopts:
        raise refused("a collation or operator class in ON CONFLICT", "name columns only")


def _clock(node: Any, proved: Proved) -> None:
    if node.op.name not in listed.CLOCKS:
        raise refused(node.op.name.removeprefix("SVFOP_"), "only the words for date and time are")


_CHECKS: Final[dict[str, Callable[[Any, Proved], None]]] = {
    "SelectStmt": _select,
    "InsertStmt": _insert,
    "ResTarget": _result_target,
    "RangeVar": _range_var,
    "RangeSubselect": _range_subselect,
    "Alias": _alias,
    "JoinExpr": _join,
    "ColumnRef": _column,
    "ParamRef": lambda node, proved: proved.params.add(node.number),
    "A_Const": _constant,
    "FuncCall": _function,
    "TypeName": _type,
    "A_Expr": _expression,
    "SubLink": lambda node, proved: _operator(node.operName),
    "SortBy": _sort,
    "IndexElem": _index_element,
    "SQLValueFunction": _clock,
}
