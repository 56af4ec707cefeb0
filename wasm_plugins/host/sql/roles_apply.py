"""Makes, checks, follows and drops plugins' roles on the databases where there can be any."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, InterfaceError, connections, transaction

from ...conf import conf
from ...scopes.tables import TableGrant

if TYPE_CHECKING:
    from .roles import RolePlan

logger = logging.getLogger(__name__)


def aliases() -> list[str]:
    """List the PostgreSQL databases that plugins may use; none without psycopg 3, where the capability is off."""
    if not isinstance(conf.DATABASES, Mapping) or find_spec("psycopg") is None:
        return []
    named = {alias for alias in conf.DATABASES.values() if alias in connections}
    return sorted(alias for alias in named if connections[alias].vendor == "postgresql")


_BEYOND = ("pg_execute_server_program", "pg_read_server_files", "pg_write_server_files")
"""Roles whose members reach the machine that the server runs on."""


def powers_beyond(alias: str) -> list[str]:
    """List what makes the host's role able to do more than any proof of a statement should have to hold."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT CASE WHEN rolsuper THEN 'superuser' ELSE r.rolname::text END FROM pg_catalog.pg_roles r "
            "WHERE (rolsuper AND rolname = current_user) OR (r.rolname = ANY(%s) "
            "AND pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER')) ORDER BY 1",
            [list(_BEYOND)],
        )
        found = [row[0] for row in cursor.fetchall()]
    return ["superuser"] if "superuser" in found else found


def plan(alias: str, plugin: str, grant: TableGrant) -> RolePlan:
    """Compare a plugin's role on a database with what was granted to it."""
    from .roles import plan_role

    with _raw(alias) as raw:
        return plan_role(raw, plugin, grant)


def apply(alias: str, statements: Sequence[str]) -> None:
    """Run what was planned, all of it or nothing.

    Raises:
        django.db.DatabaseError: The host's role may not do it; it needs ``CREATEROLE`` and to own schema and tables.
    """
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def plan_removal(alias: str, role: str) -> list[str]:
    """List what removes a role with its function and its rights."""
    from .roles import plan_drop

    with _raw(alias) as raw:
        return plan_drop(raw, role)


def role_on(alias: str, plugin: str) -> str:
    """Name a plugin's role on a database."""
    from .runner import role_of

    with _raw(alias) as raw:
        return role_of(plugin, raw.info.dbname)


def runners_on(alias: str) -> list[str]:
    """Name the functions that are there, which are also the names of the roles."""
    from .runner import SCHEMA

    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT p.proname::text FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace "
            "WHERE n.nspname = %s ORDER BY 1",
            [SCHEMA],
        )
        return [row[0] for row in cursor.fetchall()]


def follow(plugin: str, grant: TableGrant) -> None:
    """Give a plugin's role on every database the rights of a changed grant, and take the others back.

    For roles that are there already, which takes no more than to own the tables. Where it does not go well the proof of
    every statement still holds the grant, and ``plugins database --check`` tells of the difference.
    """
    for alias in aliases():
        from .roles import plan_role  # needs psycopg, which is there where there are aliases

        try:
            with transaction.atomic(using=alias), _raw(alias) as raw:
                if role_on(alias, plugin) in runners_on(alias):
                    apply(alias, plan_role(raw, plugin, grant, only_rights=True).statements)
        except (DatabaseError, InterfaceError) as error:
            logger.warning(
                "plugin %s: its rights on database %s are not what is granted: %s; run plugins database --apply",
                plugin,
                alias,
                str(error).strip(),
            )


@contextmanager
def _raw(alias: str) -> Iterator[Any]:
    """Yield psycopg's own connection, whose errors come as Django's."""
    connections[alias].ensure_connection()
    with connections[alias].wrap_database_errors:
        yield connections[alias].connection
