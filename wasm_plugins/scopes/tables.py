"""Which tables a plugin may touch and how, read from the scope of its grant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, get_args

Operation = Literal["select", "insert", "update", "delete"]

OPERATIONS: Final[frozenset[str]] = frozenset(get_args(Operation))
MOST_TABLES: Final = 64
"""Tables that one grant may name."""

# Lower case only: both databases fold an unquoted name to, or compare it as, lower case, so that the name in
# the grant, in the statement and in the catalogue are one text. 63 is PostgreSQL's longest name.
_TABLE_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")

# The databases' own tables: never granted, whatever an admin typed.
_CATALOGUES: Final = ("pg_", "sqlite_")


@dataclass(frozen=True, slots=True)
class TableGrant:
    """What one plugin may do to which tables; immutable."""

    tables: Mapping[str, frozenset[str]]
    """Operations by table name, both in lower case."""

    @classmethod
    def from_scope(cls, scope: Mapping[str, object]) -> TableGrant:
        """Read ``{"tables": {"shop_order": ["select"]}}``.

        Raises:
            ValueError: The scope has another shape, or a name, an operation or a number out of bounds.
        """
        unknown = sorted(set(scope) - {"tables"})
        if unknown:
            raise ValueError(f"unknown key {unknown[0]!r} in a database scope; only 'tables' is known")
        tables = scope.get("tables", {})
        if not isinstance(tables, Mapping):
            raise ValueError(f"tables is {type(tables).__name__}, not an object of table names")
        if len(tables) > MOST_TABLES:
            raise ValueError(f"{len(tables)} tables are named; at most {MOST_TABLES} are allowed")
        return cls(MappingProxyType({_table(name): _operations(name, of) for name, of in tables.items()}))

    def allows(self, table: str, operation: Operation) -> bool:
        """Tell whether the grant names this operation on this table."""
        return operation in self.tables.get(table, frozenset())

    def __contains__(self, table: str) -> bool:
        """Tell whether the grant names this table at all."""
        return table in self.tables


def _table(name: object) -> str:
    if not isinstance(name, str) or _TABLE_NAME.fullmatch(name) is None:
        raise ValueError(f"table {name!r:.80} is no lower-case name of at most 63 letters, digits and _")
    if name.startswith(_CATALOGUES):
        raise ValueError(f"table {name!r} belongs to the database itself and cannot be granted")
    return name


def _operations(table: object, names: object) -> frozenset[str]:
    if not isinstance(names, (list, tuple)) or not names or len(names) > len(OPERATIONS):
        raise ValueError(f"table {table!r:.80} needs a list of one to four operations")
    for name in names:
        if not isinstance(name, str) or name not in OPERATIONS:
            raise ValueError(f"operation {name!r:.80} on {table!r:.80}; allowed are {sorted(OPERATIONS)}")
    return frozenset(names)
