"""What a plugin may write in PostgreSQL: the statements, node types, functions, operators and types."""

from __future__ import annotations

from typing import Final

from .words import words

STATEMENTS: Final = {
    "SelectStmt": "select",
    "InsertStmt": "insert",
    "UpdateStmt": "update",
    "DeleteStmt": "delete",
}
"""The only statements, by the parser's name; the operation that each needs on its target."""

# An allow-list: a node that is not here is refused by its name, so a later PostgreSQL adds nothing by itself.
NODES: Final = words(
    """
    SelectStmt InsertStmt UpdateStmt DeleteStmt ResTarget ColumnRef A_Star ParamRef A_Const Integer Float Boolean
    String A_Expr BoolExpr NullTest BooleanTest SubLink CaseExpr CaseWhen CoalesceExpr MinMaxExpr RowExpr A_ArrayExpr
    FuncCall SQLValueFunction TypeCast TypeName SetToDefault RangeVar RangeSubselect Alias JoinExpr SortBy WindowDef
    OnConflictClause InferClause IndexElem ReturningClause
    """
)

SPELLED: Final = {
    "WithClause": "WITH",
    "IntoClause": "SELECT INTO",
    "LockingClause": "FOR UPDATE or FOR SHARE",
    "RangeFunction": "a function in FROM",
    "RangeTableSample": "TABLESAMPLE",
    "A_Indirection": "a field or an element of an expression",
    "CollateClause": "COLLATE",
    "CurrentOfExpr": "WHERE CURRENT OF",
    "MultiAssignRef": "SET of several columns at once",
    "NamedArgExpr": "a named argument",
    "GroupingSet": "GROUPING SETS, CUBE or ROLLUP",
    "BitString": "a bit string",
}
"""How an author knows the nodes that are refused most; others are named as the parser names them."""

# Immutable or stable, without side effects, and none that makes much out of little (repeat, lpad, format,
# generate_series), reads a setting or the catalogue, runs SQL given as text, matches regular expressions, or looks for
# one long value within another (strpos, replace, split_part): that takes minutes in one go, and no timeout ends it.
FUNCTIONS: Final = words(
    """
    count sum avg min max bool_and bool_or every string_agg array_agg jsonb_agg jsonb_object_agg json_agg
    stddev stddev_pop stddev_samp variance var_pop var_samp
    row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value
    abs ceil ceiling floor round trunc mod sign sqrt power ln log exp div width_bucket
    lower upper initcap length char_length character_length octet_length btrim ltrim rtrim substr substring left right
    reverse concat concat_ws starts_with ascii chr md5 encode decode like_escape
    overlay to_char to_number to_date to_timestamp
    now clock_timestamp statement_timestamp transaction_timestamp date_trunc date_part extract age timezone
    make_date make_time make_timestamp make_interval isfinite
    random gen_random_uuid num_nulls num_nonnulls
    to_json to_jsonb jsonb_build_object jsonb_build_array json_build_object json_build_array jsonb_typeof json_typeof
    jsonb_array_length json_array_length jsonb_extract_path jsonb_extract_path_text jsonb_set jsonb_strip_nulls
    array_length array_position array_append array_prepend array_cat cardinality
    """
)

# Operators are looked up in the search_path of the host, as those of its own queries are, so that the operators of
# its types (citext) mean what they mean there. Nothing in this list lets a plugin add one.
OPERATORS: Final = words("= <> != < > <= >= + - * / % || -> ->> #> #>> ? ?| ?& #-")

TRIMS: Final = words("btrim ltrim rtrim")
"""Functions that look for every character of one value in another, where they get two."""

PATTERN_BYTES: Final = 200
"""Longest pattern of LIKE, in bytes: what it costs is its length times that of the text, and no timeout ends it."""

EXPRESSION_KINDS: Final = words(
    """
    AEXPR_OP AEXPR_OP_ANY AEXPR_OP_ALL AEXPR_DISTINCT AEXPR_NOT_DISTINCT AEXPR_NULLIF AEXPR_IN AEXPR_LIKE AEXPR_ILIKE
    AEXPR_BETWEEN AEXPR_NOT_BETWEEN AEXPR_BETWEEN_SYM AEXPR_NOT_BETWEEN_SYM
    """
)

# Not here: the reg… types, which read the catalogue, xml, "char", name, oid and every type of the host.
TYPES: Final = words(
    """
    bool int2 int4 int8 float4 float8 numeric text varchar bpchar bytea date time timestamp timestamptz interval uuid
    json jsonb
    """
)

CLOCKS: Final = words(
    """
    SVFOP_CURRENT_DATE SVFOP_CURRENT_TIME SVFOP_CURRENT_TIME_N SVFOP_CURRENT_TIMESTAMP SVFOP_CURRENT_TIMESTAMP_N
    SVFOP_LOCALTIME SVFOP_LOCALTIME_N SVFOP_LOCALTIMESTAMP SVFOP_LOCALTIMESTAMP_N
    """
)
"""The words such as CURRENT_DATE that are allowed; CURRENT_USER and its kind are not."""

# Names that PostgreSQL gives to rows of the target; an alias of the same name could hide which row is meant.
ROW_NAMES: Final = frozenset({"excluded", "old", "new"})
