"""The WIT variant ``value`` on one side, what database drivers take and give on the other."""

from __future__ import annotations

from .fetched import Column, from_database
from .json_rows import to_json_rows
from .parameters import from_texts, to_database

__all__ = ["Column", "from_database", "from_texts", "to_database", "to_json_rows"]
