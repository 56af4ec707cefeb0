"""What a plugin may do in SQLite: the authorizer's actions and the functions."""

from __future__ import annotations

import sqlite3
from typing import Final

from .words import words

FIRST_WORDS: Final = ("select", "insert", "update", "delete")
"""What a statement may begin with. VACUUM asks the authorizer nothing before it runs, so the word is checked too."""

OPERATIONS: Final = {
    sqlite3.SQLITE_READ: "select",
    sqlite3.SQLITE_INSERT: "insert",
    sqlite3.SQLITE_UPDATE: "update",
    sqlite3.SQLITE_DELETE: "delete",
}
"""Actions on a table, and the operation of a grant that each needs."""

# Anything else that SQLite asks about (ATTACH, PRAGMA, transactions, DDL, recursive CTEs, …) is refused.
ACTIONS: Final = {
    getattr(sqlite3, name): name.removeprefix("SQLITE_")
    for name in words("""
    SQLITE_CREATE_INDEX SQLITE_CREATE_TABLE SQLITE_CREATE_TEMP_INDEX SQLITE_CREATE_TEMP_TABLE
    SQLITE_CREATE_TEMP_TRIGGER SQLITE_CREATE_TEMP_VIEW SQLITE_CREATE_TRIGGER SQLITE_CREATE_VIEW SQLITE_DELETE
    SQLITE_DROP_INDEX SQLITE_DROP_TABLE SQLITE_DROP_TEMP_INDEX SQLITE_DROP_TEMP_TABLE SQLITE_DROP_TEMP_TRIGGER
    SQLITE_DROP_TEMP_VIEW SQLITE_DROP_TRIGGER SQLITE_DROP_VIEW SQLITE_INSERT SQLITE_PRAGMA SQLITE_READ SQLITE_SELECT
    SQLITE_TRANSACTION SQLITE_UPDATE SQLITE_ATTACH SQLITE_DETACH SQLITE_ALTER_TABLE SQLITE_REINDEX SQLITE_ANALYZE
    SQLITE_CREATE_VTABLE SQLITE_DROP_VTABLE SQLITE_FUNCTION SQLITE_SAVEPOINT SQLITE_RECURSIVE
    """)
}
"""Names of the actions, for messages."""

# Of SQLite's own and without side effects; none that makes much out of little (zeroblob, randomblob, printf) or
# reaches outside (load_extension, fts3_tokenizer, the functions that Django registers), or looks for one long value
# within another (instr, replace, trim): no handler interrupts that. LIKE and GLOB have a limit of their own.
FUNCTIONS: Final = words(
    """
    count sum total avg min max group_concat row_number rank dense_rank percent_rank cume_dist ntile lag lead
    first_value last_value nth_value
    abs ceil ceiling floor round trunc mod sign sqrt power pow ln log exp
    lower upper length substr substring hex unicode char quote typeof
    like glob coalesce ifnull nullif iif likely unlikely
    date time datetime julianday strftime unixepoch current_date current_time current_timestamp
    random json json_array json_array_length json_extract json_group_array json_group_object json_object json_type
    json_valid json_set json_quote -> ->>
    """
)

# What the host's own triggers and views may not do either when a plugin sets them off; not one of these can be
# written in a trigger, so this is only the second wall behind the first.
NEVER: Final = frozenset(ACTIONS) - frozenset(
    {*OPERATIONS, sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)

NO_NAMES: Final = words("from where and or not as on join order group having limit in is null") | {""}
"""Words that can be no column's name without quotes; the empty text stands for what is no word."""
