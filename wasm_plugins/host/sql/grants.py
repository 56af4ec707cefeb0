"""Which tables a plugin may touch, as the SQL engines know it."""

from __future__ import annotations

from ...scopes.tables import OPERATIONS, Operation, TableGrant

__all__ = ["OPERATIONS", "Operation", "TableGrant"]
