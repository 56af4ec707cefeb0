"""``plugins database``: gives each plugin a PostgreSQL role with exactly the granted rights, or shows how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from django.core.management.base import CommandParser
from django.db import connections

from ...capabilities import DATABASE
from ...host.sql import roles_apply
from ...models import Grant, Plugin
from ...scopes.tables import TableGrant
from .answer import Answer, Usage, get_plugin

HELP: Final = "Make, check or drop the PostgreSQL roles whose rights bound what plugins' SQL can do."
_ACTS: Final = ("print", "apply", "check", "drop")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One plugin on one database."""

    name: str | None
    """``None`` for a role whose plugin is no longer there."""
    role: str
    statements: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.statements and not self.problems


def add_arguments(parser: CommandParser) -> None:
    """Take plugins, one of four acts, and a database."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="Which plugins; else all that may use a database.")
    acts = parser.add_mutually_exclusive_group()
    acts.add_argument("--print", action="store_true", help="Show the SQL that is still to be run (what it does).")
    acts.add_argument("--apply", action="store_true", help="Run it, in one transaction.")
    acts.add_argument("--check", action="store_true", help="End with status 1 if rights are not what is granted.")
    acts.add_argument("--drop", action="store_true", help="Remove roles, functions and rights.")
    parser.add_argument("--using", default="default", metavar="ALIAS", help="Which database of DATABASES.")


def run(options: Mapping[str, Any]) -> Answer:
    """Do one of the four for every plugin that is named."""
    alias = options["using"]
    act = next((name for name in _ACTS if options[name]), "print")
    if alias not in connections or connections[alias].vendor != "postgresql":
        raise Usage(f"--using {alias}: only a PostgreSQL database has such roles")
    entries = [*_dropped(alias, options["names"])] if act == "drop" else [*_planned(alias, options["names"])]
    if act in ("apply", "drop"):
        roles_apply.apply(alias, [statement for entry in entries for statement in entry.statements])
    left = [*_planned(alias, options["names"])] if act == "apply" else entries
    is_bad = act in ("apply", "check") and not all(entry.is_good for entry in left)
    problem = f"on database {alias} the rights of plugins are not what is granted" if is_bad else ""
    shown = [*map(asdict, entries)]
    for each, after in zip(shown, left, strict=True):
        each["problems"] = after.problems
    data = {"using": alias, "act": act, "is_good": not is_bad, "plugins": shown}
    return Answer(data, "\n".join(_lines(shown)), problem)


def _planned(alias: str, names: Sequence[str]) -> Iterator[_Entry]:
    granted = {each.plugin_id: each.scope for each in Grant.objects.filter(capability=DATABASE)}
    existing = roles_apply.runners_on(alias)
    plugins = [get_plugin(name) for name in names] or list(Plugin.objects.all())
    for plugin in plugins:
        role = roles_apply.role_on(alias, plugin.name)
        existing = [name for name in existing if name != role]
        if plugin.pk in granted or names or role in roles_apply.runners_on(alias):
            planned = roles_apply.plan(alias, plugin.name, TableGrant.from_scope(granted.get(plugin.pk, {})))
            yield _Entry(plugin.name, planned.role, planned.statements, planned.problems)
    if not names:
        for role in existing:
            yield _Entry(None, role, [], [f"{role} belongs to no plugin of this project: --drop {role} removes it"])


def _dropped(alias: str, names: Sequence[str]) -> Iterator[_Entry]:
    """Plan removals; a role whose plugin is gone is named by its own name."""
    existing = roles_apply.runners_on(alias)
    wanted = {name if name in existing else roles_apply.role_on(alias, name): name for name in names}
    for role in wanted or dict.fromkeys(existing):
        yield _Entry(wanted.get(role), role, roles_apply.plan_removal(alias, role))


def _lines(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Write SQL that psql takes as it is."""
    if not entries:
        yield "-- no plugin may use a database"
    for each in entries:
        yield f"-- {each['name'] or 'no plugin'}: role {each['role']}" + ("" if each["statements"] else ": in order")
        yield from (f"-- problem: {problem}" for problem in each["problems"])
        if each["statements"]:
            yield from ("BEGIN;", *(f"{statement};" for statement in each["statements"]), "COMMIT;")
