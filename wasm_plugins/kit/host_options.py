"""What an author says of the stand-in host on the command line: its database, settings, HTTP, user and limits."""

from __future__ import annotations

import argparse
import dataclasses
import sqlite3
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from wasm_plugins.capabilities import DATABASE, HTTP, KEYVALUE
from wasm_plugins.kit.failures import Usage
from wasm_plugins.kit.fakes import FakeHost
from wasm_plugins.kit.fakes.database import Database
from wasm_plugins.kit.fakes.recordings import read_recordings
from wasm_plugins.manifest import Manifest
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.scopes.buckets import BucketGrant
from wasm_plugins.scopes.hosts import HttpGrant
from wasm_plugins.scopes.tables import TableGrant
from wasm_plugins.settings_values import as_told

_LIMITS: Final = frozenset(each.name for each in dataclasses.fields(Limits))


def add_host_options(parser: argparse.ArgumentParser) -> None:
    """Add the options to one kind of call."""
    parser.add_argument("--database", type=Path, help="a file of SQL that makes and fills the tables, for SQLite")
    parser.add_argument("--config", type=Path, help="a TOML file of texts that wasi:config/store answers")
    parser.add_argument("--http", type=Path, help="a JSON file of recorded HTTP: which requests are answered with what")
    parser.add_argument("--user", default="", help="the user name of whoever calls; nobody, if not given")
    parser.add_argument("--permission", action="append", default=[], help="a permission of that user; may be repeated")
    parser.add_argument(
        "--limit", action="append", default=[], metavar="NAME=NUMBER", help="another limit for this call"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def host_maker(arguments: argparse.Namespace, manifest: Manifest) -> Callable[[], FakeHost]:
    """Return what makes the host of one call, with a database of its own.

    Raises:
        Usage: A file holds something else than it should, or the options contradict each other.
        OSError: A file cannot be read.
    """
    given = {} if arguments.config is None else read_config(arguments.config)
    config = {**as_told(manifest.settings, {}), **given}
    permissions = frozenset(arguments.permission)
    if permissions and not arguments.user:
        raise Usage("--permission belongs to a user: say --user too")
    fixture = None if arguments.database is None else arguments.database.read_text(encoding="utf-8")
    recordings = [] if arguments.http is None else read_recordings(arguments.http)
    return lambda: FakeHost(
        config=config,
        username=arguments.user,
        permissions=permissions,
        database=None if fixture is None else make_database(fixture, manifest, str(arguments.database)),
        http=http_grant(manifest),
        recordings=[replace(each) for each in recordings],
        buckets=buckets(manifest),
    )


def make_database(fixture: str, manifest: Manifest, source: str) -> Database:
    """Return a database for a plugin, with the tables that it asks for as granted.

    Args:
        fixture: SQL that makes and fills the tables.
        manifest: What the plugin declares.
        source: Where the SQL comes from, for errors.

    Raises:
        Usage: SQLite does not take it.
    """
    try:
        return Database(fixture, TableGrant.from_scope(manifest.capabilities.get(DATABASE, {})))
    except sqlite3.Error as error:
        raise Usage(f"{source}: SQLite says {error}") from None


def http_grant(manifest: Manifest) -> HttpGrant:
    """Return where a plugin wants to send requests to, taken for granted."""
    return HttpGrant.from_scope(manifest.capabilities.get(HTTP, {}))


def buckets(manifest: Manifest) -> frozenset[str]:
    """Return which buckets of its store a plugin wants to open, taken for granted."""
    return BucketGrant.from_scope(manifest.capabilities.get(KEYVALUE, {})).buckets


def read_config(path: Path) -> Mapping[str, str]:
    """Return the settings and secrets in a TOML file: keys and texts, no tables.

    Raises:
        Usage: It is no TOML, or holds something else than texts.
        OSError: It cannot be read.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise Usage(f"{path}: {error}") from None
    for key, value in found.items():
        if not isinstance(value, str):
            raise Usage(f'{path}: {key} must be a text, since that is all a plugin can be told: {key} = "…"')
    return found


def limit_changes(texts: Sequence[str]) -> dict[str, int]:
    """Return the limits that are other than usual.

    Raises:
        Usage: There is no such limit, or the number is none.
    """
    changes = {}
    for text in texts:
        name, _, number = text.partition("=")
        if name not in _LIMITS or not number.isdecimal() or int(number) < 1:
            raise Usage(f"--limit {text}: say NAME=NUMBER, with one of {', '.join(sorted(_LIMITS))}")
        changes[name] = int(number)
    return changes
