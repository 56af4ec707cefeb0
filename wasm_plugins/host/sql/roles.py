"""Plans the statements that give a plugin its role, its function and exactly the granted rights on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg import sql

from ...scopes.tables import TableGrant
from .roles_state import RoleState, read_state
from .runner import BODY, SCHEMA, SIGNATURE, create_function, role_of

_NO_ATTRIBUTES: Final = ("login", "superuser", "createdb", "createrole", "replication", "bypassrls", "member")


@dataclass(frozen=True, slots=True)
class RolePlan:
    """What is to be done for one plugin, and what no statement of ours can do."""

    plugin: str
    """Name of the plugin."""

    role: str
    """Name of its role and of its function."""

    is_there: bool
    """Whether the function is there."""

    statements: list[str] = field(default_factory=list)
    """SQL to run in one transaction; empty when everything is as it should be."""

    problems: list[str] = field(default_factory=list)
    """What makes the role able to do more than was granted and somebody else must change."""


def plan_role(raw: Any, plugin: str, grant: TableGrant, *, only_rights: bool = False) -> RolePlan:
    """Compare a plugin's role with what was granted; runs catalogue queries only.

    Args:
        raw: psycopg's connection of the host.
        plugin: Name of the plugin.
        grant: What it may do; an empty one takes every right back.
        only_rights: Plan rights on tables and sequences of a role that is there, nothing that takes ``CREATEROLE``.
    """
    role = role_of(plugin, raw.info.dbname)
    state = read_state(raw, role, sorted(grant.tables))
    planned = RolePlan(plugin, role, state.is_function_there)
    if only_rights and not state.is_role_there:
        return planned
    steps = [*_rights(state, grant, planned.problems)]
    if not only_rights:
        steps = [*_role(state), *_function(state), *_bounds(state), *steps]
        planned.problems.extend(_problems(state))
    planned.statements.extend(step.as_string(raw) for step in steps)
    return planned


def plan_drop(raw: Any, role: str) -> list[str]:
    """List the statements that remove a role with its function and all of its rights in this database."""
    state = read_state(raw, role, [])
    if not state.is_role_there:
        return []
    name = sql.Identifier(role)
    steps = [_join(state), sql.SQL("DROP OWNED BY {}").format(name), sql.SQL("DROP ROLE {}").format(name)]
    return [step.as_string(raw) for step in steps]


def _role(state: RoleState) -> Iterator[sql.Composed]:
    if not state.is_role_there:
        yield sql.SQL("CREATE ROLE {} NOLOGIN NOINHERIT").format(sql.Identifier(state.role))
    if not state.is_schema_there:
        yield sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(sql.Identifier(SCHEMA), sql.Identifier(state.host))


def _function(state: RoleState) -> Iterator[sql.Composed]:
    """Make the function as the role itself, for it must belong to it; what that takes is taken back at once."""
    path = [*state.path, "pg_temp"]
    if state.function == (BODY, path, True, True, [state.host]):
        return
    role, schema = sql.Identifier(state.role), sql.Identifier(SCHEMA)
    function = sql.SQL("{}{}").format(sql.Identifier(SCHEMA, state.role), sql.SQL(SIGNATURE))
    yield _join(state)
    yield sql.SQL("GRANT USAGE, CREATE ON SCHEMA {} TO {}").format(schema, role)
    yield sql.SQL("SET LOCAL ROLE {}").format(role)
    for arguments in state.overloads:  # of another release it may have others, and would stay beside the new one
        yield sql.SQL("DROP FUNCTION {}({})").format(sql.Identifier(SCHEMA, state.role), sql.SQL(arguments))
    yield create_function(state.role, state.path)
    yield sql.SQL("REVOKE ALL ON FUNCTION {} FROM PUBLIC").format(function)
    yield sql.SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(function, sql.Identifier(state.host))
    yield sql.SQL("RESET ROLE").format()
    yield sql.SQL("REVOKE ALL ON SCHEMA {} FROM {}").format(schema, role)
    yield sql.SQL("REVOKE {} FROM CURRENT_USER").format(role)


def _join(state: RoleState) -> sql.Composed:
    options = " WITH INHERIT TRUE, SET TRUE" if state.server_version >= 160_000 else ""
    return sql.SQL("GRANT {} TO CURRENT_USER{}").format(sql.Identifier(state.role), sql.SQL(options))


def _bounds(state: RoleState) -> Iterator[sql.Composed]:
    """Take back what PostgreSQL gives to everybody: temporary tables, which would hide the host's, and new objects."""
    if state.may_make_temporary:
        database = sql.Identifier(state.database)
        yield sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC").format(database)
        yield sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}").format(database, sql.Identifier(state.host))
    for schema in state.may_create_in:
        yield sql.SQL("REVOKE CREATE ON SCHEMA {} FROM PUBLIC").format(sql.Identifier(schema))


def _rights(state: RoleState, grant: TableGrant, problems: list[str]) -> Iterator[sql.Composed]:
    role = sql.Identifier(state.role)
    wanted = {found: set(grant.tables[found[1]]) for found in state.tables}
    inserts = {found for found, operations in wanted.items() if "insert" in operations}
    sequences = {found: {"usage"} for table, found in state.sequences if table in inserts}
    for schema in sorted({schema for schema, _ in wanted} | set(state.path)):
        if schema not in state.usable:
            yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), role)
    for kind, has, needs in (("TABLE", state.rights, wanted), ("SEQUENCE", state.sequence_rights, sequences)):
        for relation in sorted({*has, *needs}):
            held, needed = has.get(relation, {}), needs.get(relation, set())
            extra = held.keys() - needed
            problems.extend(f"everybody may {name} on {'.'.join(relation)}" for name in sorted(extra) if held[name])
            named = (sql.SQL(kind), sql.Identifier(*relation), role)
            if any(not held[name] for name in extra):
                yield sql.SQL("REVOKE ALL ON {} {} FROM {}").format(*named)
                held = {name: for_all for name, for_all in held.items() if for_all}
            if missing := sorted(needed - held.keys()):
                yield sql.SQL("GRANT {} ON {} {} TO {}").format(_listed(missing), *named)


def _listed(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL(name.upper()) for name in names)


def _problems(state: RoleState) -> Iterator[str]:
    for name in _NO_ATTRIBUTES:
        if name in state.attributes:
            yield f"role {state.role} is or may {name}: drop it and make it anew"
    for name in state.owned:
        yield f"role {state.role} owns {name}"
    if state.is_host_superuser:
        yield f"role {state.host}, which calls plugins, is a superuser"
