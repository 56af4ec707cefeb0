"""System checks of the databases that plugins may use; none of them is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from django.core.checks import CheckMessage, Error, Warning
from django.db import connections

from .conf import PREFIX, conf


def check_databases() -> Iterator[CheckMessage]:
    """Check that each name stands for a database whose statements can be proved, and that connecting ends."""
    databases = conf.DATABASES
    if not isinstance(databases, Mapping):
        yield Error(f"{PREFIX}DATABASES must be a dictionary.", id="wasm_plugins.E003")
        return
    for name, alias in databases.items():
        if alias not in connections:
            yield Error(
                f"{PREFIX}DATABASES maps {name!r} to {alias!r}, which is not in DATABASES.",
                id="wasm_plugins.E003",
            )
        elif connections[alias].vendor not in ("postgresql", "sqlite"):
            yield Warning(
                f"Plugins cannot use the database {alias!r}: nothing proves their SQL on {connections[alias].vendor}.",
                hint="Their statements are answered with an error. PostgreSQL and SQLite are supported.",
                id="wasm_plugins.W002",
            )
    for alias in sorted({each for each in databases.values() if each in connections}):
        yield from _check_options(alias)


def _check_options(alias: str) -> Iterator[CheckMessage]:
    if _may_wait_for_ever(alias):
        yield Warning(
            f"Database {alias!r} has no 'connect_timeout' in OPTIONS.",
            hint="A server that is silent is waited for without end when Django connects again, also in a plugin's "
            "call that has no time left. Give it some seconds.",
            id="wasm_plugins.W004",
        )
    if _may_write_too_late(alias):
        yield Warning(
            f"Database {alias!r} is SQLite, and has no 'transaction_mode': 'IMMEDIATE' in OPTIONS.",
            hint="A transaction that reads before it writes fails there at once (database is locked) if anybody else "
            'wrote meanwhile, be it this app. Give it "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20}.',
            id="wasm_plugins.W005",
        )


def _may_wait_for_ever(alias: str) -> bool:
    """Whether nothing bounds a new connection to a server beyond this machine."""
    database = connections[alias].settings_dict
    is_remote = connections[alias].vendor == "postgresql" and not database["HOST"].startswith(("/", "@"))
    return is_remote and bool(database["HOST"]) and "connect_timeout" not in database["OPTIONS"]


def _may_write_too_late(alias: str) -> bool:
    """Whether a transaction takes its turn to write only when it comes to that."""
    options = connections[alias].settings_dict["OPTIONS"]
    mode = str(options.get("transaction_mode") or "DEFERRED")
    return connections[alias].vendor == "sqlite" and mode.upper() == "DEFERRED"
