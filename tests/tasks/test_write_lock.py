"""SQLite's lock: taken before anything is read, and waited for when somebody else has it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.test.utils import CaptureQueriesContext

from tests.tasks.installed import MakeRun
from wasm_plugins.manager import PluginManager
from wasm_plugins.models import Plugin, TaskRun
from wasm_plugins.tasks import perform_run, request_run
from wasm_plugins.tasks.outcome import MOST_SPARED
from wasm_plugins.tasks.write_lock import TRIES, begin_writing, is_locked_out, write_patiently

pytestmark = pytest.mark.django_db
Status = TaskRun.Status


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database with a table of runs, and one that readers do not keep from being written."""
    path = tmp_path / "plain.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            "PRAGMA journal_mode=wal; CREATE TABLE wasm_plugins_taskrun (id, heartbeat_at); CREATE TABLE other (id);"
        )
    return path


@pytest.fixture
def plain(file: Path) -> Iterator[str]:
    """The alias of that database, as Django opens it when nobody says how."""
    options = {**connections["sqlite"].settings_dict, "NAME": str(file), "OPTIONS": {"timeout": 0.1}}
    connections["plain"] = DatabaseWrapper(options, alias="plain")
    yield "plain"
    connections["plain"].close()
    del connections["plain"]


@pytest.fixture
def somebody(file: Path) -> Iterator[sqlite3.Connection]:
    """Somebody else who writes to it."""
    with closing(sqlite3.connect(file, timeout=0.1, isolation_level=None)) as database:
        yield database


def _read(alias: str) -> list[Any]:
    with connections[alias].cursor() as cursor:
        return list(cursor.execute("SELECT id FROM other").fetchall())


def _write(alias: str) -> int:
    with connections[alias].cursor() as cursor:
        return int(cursor.execute("INSERT INTO other VALUES (1)").rowcount)


def test_a_transaction_that_has_read_is_refused_once_somebody_wrote(plain: str, somebody: sqlite3.Connection) -> None:
    with pytest.raises(OperationalError) as refused, transaction.atomic(using=plain):
        _read(plain)
        somebody.execute("INSERT INTO other VALUES (2)")
        _write(plain)
    assert is_locked_out(refused.value)


def test_a_transaction_that_began_as_a_writer_keeps_others_from_writing(
    plain: str, somebody: sqlite3.Connection
) -> None:
    with transaction.atomic(using=plain):
        begin_writing(plain)
        _read(plain)
        with pytest.raises(sqlite3.OperationalError):
            somebody.execute("INSERT INTO other VALUES (2)")
        assert _write(plain) == 1


def test_a_lock_that_is_free_soon_is_waited_for(plain: str, somebody: sqlite3.Connection) -> None:
    tries: list[int] = []

    def write() -> int:
        tries.append(1)
        if len(tries) == TRIES:
            somebody.execute("ROLLBACK")
        return _write(plain)

    somebody.execute("BEGIN IMMEDIATE")
    assert write_patiently(write) == 1
    assert len(tries) == TRIES


def test_a_lock_that_is_never_free_is_given_up(plain: str, somebody: sqlite3.Connection) -> None:
    somebody.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationalError):
        write_patiently(lambda: _write(plain))


def test_another_error_is_not_waited_for() -> None:
    tries: list[int] = []

    def fail() -> int:
        tries.append(1)
        raise OperationalError("no such table")

    with pytest.raises(OperationalError):
        write_patiently(fail)
    assert len(tries) == 1


def test_where_there_are_many_writers_nothing_is_written_first(plugin: Plugin) -> None:
    with CaptureQueriesContext(connection) as seen:
        request_run(plugin=plugin.name, handler="recount", input_text="{}")
    assert not [each for each in seen.captured_queries if each["sql"].startswith("UPDATE")]


@pytest.fixture
def locked_out(plain: str, somebody: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every call of a plugin end as if somebody else had the database."""
    somebody.execute("BEGIN IMMEDIATE")

    def answer(*args: Any, **given: Any) -> int:
        return _write(plain)

    monkeypatch.setattr(PluginManager, "run_handler", answer)


@pytest.mark.usefixtures("locked_out")
@pytest.mark.parametrize("attempts", [0, 2])
def test_an_attempt_that_was_locked_out_costs_no_retry(plugin: Plugin, make_run: MakeRun, attempts: int) -> None:
    run = make_run(plugin, status=Status.QUEUED, attempts=attempts, max_retries=0)
    assert perform_run(str(run.pk)) == "pending"
    run.refresh_from_db()
    assert (run.attempts, run.spared, run.error_code) == (attempts + 1, 1, "host-error")
    assert (run.due_at - run.created_at).total_seconds() < 5


@pytest.mark.usefixtures("locked_out")
def test_a_run_is_not_locked_out_for_ever(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, status=Status.QUEUED, spared=MOST_SPARED, attempts=MOST_SPARED)
    assert perform_run(str(run.pk)) == "failed"
