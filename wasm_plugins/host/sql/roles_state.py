"""Reads from PostgreSQL's catalogue what a plugin's role is and may do, whoever gave it that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg.rows import tuple_row

from .runner import SCHEMA

Relation = tuple[str, str]
"""Schema and name."""

Rights = dict[Relation, dict[str, bool]]
"""By relation: each right that the role has, and whether everybody has it."""

_HOST: Final = """SELECT current_user::text, current_database()::text, current_schemas(false)::text[],
(SELECT rolsuper FROM pg_roles WHERE rolname = current_user), to_regnamespace(%(schema)s) IS NOT NULL,
to_regrole(%(role)s) IS NOT NULL"""

_FUNCTION: Final = """SELECT p.prosrc, p.proconfig, p.prosecdef, pg_get_userbyid(p.proowner) = %(role)s,
ARRAY(SELECT a.grantee::regrole::text FROM aclexplode(p.proacl) a WHERE a.grantee <> p.proowner ORDER BY 1),
pg_get_function_identity_arguments(p.oid)
FROM pg_proc p WHERE p.proname = %(role)s AND p.pronamespace = to_regnamespace(%(schema)s)"""

_ATTRIBUTES: Final = """SELECT rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
EXISTS (SELECT 1 FROM pg_auth_members m WHERE m.member = r.oid) FROM pg_roles r WHERE rolname = %(role)s"""

_OWNED: Final = """SELECT pg_describe_object(d.classid, d.objid, d.objsubid) FROM pg_shdepend d
JOIN pg_roles r ON d.refclassid = 'pg_authid'::regclass AND d.refobjid = r.oid
LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
WHERE r.rolname = %(role)s AND d.deptype = 'o' AND d.dbid IN (0, (SELECT oid FROM pg_database
WHERE datname = current_database())) AND (p.proname IS NULL OR p.proname <> %(role)s)"""

_SCHEMAS: Final = """SELECT nspname::text, has_schema_privilege(%(who)s, oid, 'USAGE'),
has_schema_privilege(%(who)s, oid, 'CREATE') FROM pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"""

_TEMPORARY: Final = "SELECT has_database_privilege(%(who)s, current_database(), 'TEMPORARY')"

_TABLES: Final = """SELECT n.nspname::text, c.relname::text FROM unnest(%(tables)s::text[]) AS wanted
JOIN pg_class c ON c.oid = to_regclass(quote_ident(wanted)) JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')"""

# Columns that take their numbers from a sequence of their own. Those of identity columns need no right.
_SEQUENCES: Final = """SELECT tn.nspname::text, t.relname::text, sn.nspname::text, s.relname::text FROM pg_depend d
JOIN pg_class s ON d.classid = 'pg_class'::regclass AND s.oid = d.objid AND s.relkind = 'S'
JOIN pg_class t ON d.refclassid = 'pg_class'::regclass AND t.oid = d.refobjid
JOIN pg_namespace sn ON sn.oid = s.relnamespace JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE d.deptype = 'a' AND t.relname = ANY(%(tables)s)"""

_RIGHTS: Final = """SELECT n.nspname::text, c.relname::text, lower(p), has_any_column_privilege('public', c.oid, p)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
unnest('{SELECT,INSERT,UPDATE,REFERENCES}'::text[]) AS p
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND has_any_column_privilege(%(who)s, c.oid, p)
UNION ALL SELECT n.nspname::text, c.relname::text, lower(p), has_table_privilege('public', c.oid, p)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, unnest('{DELETE,TRUNCATE,TRIGGER}'::text[]) AS p
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND has_table_privilege(%(who)s, c.oid, p)"""

_SEQUENCE_RIGHTS: Final = """SELECT n.nspname::text, c.relname::text, lower(p),
has_sequence_privilege('public', c.oid, p)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, unnest('{USAGE,SELECT,UPDATE}'::text[]) AS p
WHERE c.relkind = 'S' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
AND has_sequence_privilege(%(who)s, c.oid, p)"""

_NAMES: Final = ("login", "superuser", "createdb", "createrole", "replication", "bypassrls", "member")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleState:
    """A role as the catalogue has it; where there is none, what everybody may do."""

    role: str
    host: str
    """The role that calls plugins."""
    database: str
    path: list[str]
    """The host's schemas."""
    server_version: int
    is_host_superuser: bool
    is_schema_there: bool
    is_role_there: bool
    is_function_there: bool
    overloads: list[str]
    """Arguments of each function of that name, as SQL."""
    function: tuple[str, list[str], bool, bool, list[str]] | None
    """Body, search path, whether it is SECURITY DEFINER, whether the role owns it, and who else may run it."""
    attributes: frozenset[str]
    owned: list[str]
    usable: frozenset[str]
    """Schemas into which the role may look."""
    may_create_in: list[str]
    may_make_temporary: bool
    tables: list[Relation]
    """Where the granted tables are."""
    sequences: list[tuple[Relation, Relation]]
    """Tables, each with a sequence of one of its columns."""
    rights: Rights
    sequence_rights: Rights


def read_state(raw: Any, role: str, tables: Sequence[str]) -> RoleState:
    """Read what a role is and may do; runs catalogue queries only."""
    asked: dict[str, Any] = {"role": role, "schema": SCHEMA, "tables": list(tables)}

    def rows(query: str) -> list[Any]:
        return list(raw.cursor(row_factory=tuple_row).execute(query, asked).fetchall())

    ((host, database, path, is_superuser, is_schema_there, is_role_there),) = rows(_HOST)
    asked["who"] = role if is_role_there else "public"
    schemas = rows(_SCHEMAS)
    functions = rows(_FUNCTION) if is_schema_there else []
    attributes = rows(_ATTRIBUTES)
    return RoleState(
        role=role,
        host=host,
        database=database,
        path=path,
        server_version=raw.info.server_version,
        is_host_superuser=is_superuser,
        is_schema_there=is_schema_there,
        is_role_there=is_role_there,
        is_function_there=bool(functions),
        overloads=[arguments for *_, arguments in functions],
        function=_function(functions),
        attributes=frozenset(name for row in attributes for name, has in zip(_NAMES, row, strict=True) if has),
        owned=[row[0] for row in rows(_OWNED)],
        usable=frozenset(name for name, may_use, _ in schemas if may_use),
        may_create_in=[name for name, _, may_create in schemas if may_create],
        may_make_temporary=rows(_TEMPORARY)[0][0],
        tables=[(schema, name) for schema, name in rows(_TABLES)],
        sequences=[((row[0], row[1]), (row[2], row[3])) for row in rows(_SEQUENCES)],
        rights=_by_relation(rows(_RIGHTS)),
        sequence_rights=_by_relation(rows(_SEQUENCE_RIGHTS)),
    )


def _function(found: Sequence[Any]) -> tuple[str, list[str], bool, bool, list[str]] | None:
    if len(found) != 1:
        return None
    ((source, config, is_definer, is_owned, callers, _),) = found
    settings = dict(each.split("=", 1) for each in config or ())
    path = [name.strip().strip('"').replace('""', '"') for name in settings.pop("search_path", "").split(",")]
    return (source, path, is_definer and not settings, is_owned, [name.strip('"') for name in callers])


def _by_relation(rows: Sequence[Any]) -> Rights:
    found: Rights = {}
    for schema, name, right, for_all in rows:
        found.setdefault((schema, name), {})[right] = for_all
    return found
