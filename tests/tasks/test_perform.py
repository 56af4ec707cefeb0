"""One run in a worker: claimed once, performed, and recorded whatever happens."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection
from django.utils import timezone
from rq.timeouts import JobTimeoutException

from tests.components import err, json_handler, log, ok, progress, spin, sql, trap
from tests.tasks.installed import Install, MakeRun
from wasm_plugins import components
from wasm_plugins.exceptions import ArtifactError, PluginAsleep
from wasm_plugins.manager import PluginManager, TaskAnswer
from wasm_plugins.models import AuditEntry, Plugin, TaskRun
from wasm_plugins.outbox import outbox
from wasm_plugins.runtime.stand_in import Callee
from wasm_plugins.tasks import perform_run
from wasm_plugins.tasks.outcome import ERROR_BYTES, MOST_SPARED, RESULT_BYTES

Status = TaskRun.Status


def test_a_queued_run_is_performed_and_its_answer_kept(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, status=Status.QUEUED)
    assert perform_run(str(run.pk)) == "finished"
    run.refresh_from_db()
    assert (run.status, run.result, run.attempts) == (Status.FINISHED, '{"recounted": 3}', 1)
    assert run.version == plugin.current_version
    assert run.started_at is not None and run.finished_at is not None


def test_a_second_delivery_does_nothing(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, status=Status.QUEUED)
    perform_run(str(run.pk))
    assert perform_run(str(run.pk)) == "ignored"
    run.refresh_from_db()
    assert run.attempts == 1


def test_a_run_that_another_worker_performs_is_left_alone(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, status=Status.RUNNING, attempts=1)
    assert perform_run(str(run.pk)) == "ignored"


def test_a_run_that_waits_for_its_next_attempt_is_left_alone(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, attempts=1, due_at=timezone.now() + timedelta(minutes=1))
    assert perform_run(str(run.pk)) == "ignored"


def test_a_first_delivery_counts_even_when_the_clock_of_whoever_asked_is_ahead(
    plugin: Plugin, make_run: MakeRun
) -> None:
    run = make_run(plugin, due_at=timezone.now() + timedelta(seconds=30))
    assert perform_run(str(run.pk)) == "finished"


@pytest.mark.parametrize("run_id", ["", "1", "../../etc", "0" * 10_000, "\x00", None, 7, ["x"], {}])
@pytest.mark.django_db
def test_what_is_no_run_id_is_refused(run_id: Any) -> None:
    assert perform_run(run_id) == "unknown"


@pytest.mark.django_db
def test_a_run_that_was_deleted_is_unknown() -> None:
    assert perform_run("5a0c1f0e-0000-4000-8000-000000000000") == "unknown"


def test_a_plugin_that_says_no_fails_with_its_words(db: None, install: Install, make_run: MakeRun) -> None:
    run = make_run(install("loyalty", {"recount": json_handler(err("no such customer"))}))
    assert perform_run(str(run.pk)) == "failed"
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Status.FAILED, "plugin-failed")
    assert "no such customer" in run.error
    assert run.finished_at is not None


@pytest.mark.parametrize("attempts", [0, 1, 2])
def test_a_failure_that_may_pass_is_tried_again_each_time_later(
    db: None, install: Install, make_run: MakeRun, attempts: int
) -> None:
    plugin = install("loyalty", {"recount": json_handler(trap())})
    run = make_run(plugin, attempts=attempts, max_retries=3)
    before = timezone.now()
    assert perform_run(str(run.pk)) == "pending"
    run.refresh_from_db()
    assert (run.attempts, run.error_code) == (attempts + 1, "plugin-trapped")
    pause_s = (run.due_at - before).total_seconds()
    assert pause_s == pytest.approx(2 ** (attempts + 1), abs=1)


def test_after_the_last_retry_the_run_has_failed(db: None, install: Install, make_run: MakeRun) -> None:
    plugin = install("loyalty", {"recount": json_handler(trap())})
    run = make_run(plugin, attempts=3, max_retries=3)
    assert perform_run(str(run.pk)) == "failed"


def test_a_failure_that_cannot_pass_is_not_tried_again(plugin: Plugin, make_run: MakeRun) -> None:
    run = make_run(plugin, handler="unknown", max_retries=5)
    assert perform_run(str(run.pk)) == "failed"
    run.refresh_from_db()
    assert run.error_code == "task-not-found"


def test_a_spinning_plugin_ends_at_its_deadline(db: None, install: Install, make_run: MakeRun) -> None:
    run = make_run(install("loyalty", {"recount": json_handler(spin())}), timeout_s=1)
    assert perform_run(str(run.pk)) == "failed"
    run.refresh_from_db()
    assert run.error_code == "deadline-exceeded"
    assert run.started_at is not None and run.finished_at is not None
    assert (run.finished_at - run.started_at).total_seconds() < 3


def test_progress_and_log_are_kept(db: None, install: Install, make_run: MakeRun) -> None:
    steps = [progress(40, "counting"), log("half way")]
    run = make_run(install("loyalty", {"recount": json_handler(ok("{}", first=steps))}))
    perform_run(str(run.pk))
    run.refresh_from_db()
    assert (run.progress_percent, run.progress_message) == (40, "counting")
    assert "half way" in run.log


def test_progress_and_log_of_a_failure_are_kept(db: None, install: Install, make_run: MakeRun) -> None:
    steps = [progress(40, "counting"), log("half way")]
    run = make_run(install("loyalty", {"recount": json_handler(trap(first=steps))}))
    perform_run(str(run.pk))
    run.refresh_from_db()
    assert run.progress_percent == 40
    assert "half way" in run.log


def test_a_new_attempt_begins_with_a_clean_row(plugin: Plugin, make_run: MakeRun) -> None:
    old = {"error": "old", "error_code": "old", "log": "old", "progress_percent": 9, "progress_message": "old"}
    run = make_run(plugin, attempts=1, **old)
    perform_run(str(run.pk))
    run.refresh_from_db()
    assert (run.error, run.error_code, run.log, run.progress_percent, run.progress_message) == ("", "", "", None, "")


def test_what_a_failed_run_wrote_is_undone(db: None, install: Install, make_run: MakeRun) -> None:
    insert = sql("INSERT INTO auth_group (name) VALUES ($1)", "left behind")
    tables = {"auth_group": ["select", "insert"]}
    plugin = install("loyalty", {"recount": json_handler(trap(first=[insert]))}, tables=tables)
    run = make_run(plugin)
    assert perform_run(str(run.pk)) == "failed"
    run.refresh_from_db()
    assert run.error_code == "plugin-trapped"
    assert not _groups()


def test_what_a_finished_run_wrote_stays(db: None, install: Install, make_run: MakeRun) -> None:
    insert = sql("INSERT INTO auth_group (name) VALUES ($1)", "kept")
    tables = {"auth_group": ["select", "insert"]}
    plugin = install("loyalty", {"recount": json_handler(ok("{}", first=[insert]))}, tables=tables)
    run = make_run(plugin)
    perform_run(str(run.pk))
    run.refresh_from_db()
    assert (run.status, run.error) == (Status.FINISHED, "")
    assert _groups() == ["kept"]


def _groups() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM auth_group")
        return [name for (name,) in cursor.fetchall()]


class Answering:
    """Stands for the manager's part, to raise what no plugin can."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: TaskAnswer | BaseException) -> None:
        self.given: dict[str, Any] = {}
        self._answer = answer
        monkeypatch.setattr(PluginManager, "run_handler", self._run_handler)

    def _run_handler(self, plugin: str, handler: str, input_text: str, **given: Any) -> TaskAnswer:
        self.given = {"plugin": plugin, "handler": handler, "input_text": input_text, **given}
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer


def test_the_plugin_is_called_for_whoever_asked_and_within_the_runs_timeout(
    plugin: Plugin, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = get_user_model().objects.create(username="ada")
    assert plugin.current_version is not None
    manager = Answering(monkeypatch, TaskAnswer(text="{}", version_id=plugin.current_version.pk))
    perform_run(str(make_run(plugin, requested_by=user, input='{"a": 1}', timeout_s=7).pk))
    assert manager.given["user"] == user
    assert manager.given["deadline_ms"] == 7_000
    assert manager.given["input_text"] == '{"a": 1}'


@pytest.mark.parametrize("error", [OperationalError("server closed the connection"), ZeroDivisionError("0")])
def test_an_error_of_the_host_is_kept_without_a_traceback_and_tried_again(
    plugin: Plugin, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    Answering(monkeypatch, error)
    run = make_run(plugin, max_retries=1)
    assert perform_run(str(run.pk)) == "pending"
    run.refresh_from_db()
    assert run.error_code == "host-error"
    assert run.error == f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("error", [JobTimeoutException("out of time"), SystemExit(1), KeyboardInterrupt()])
def test_what_ends_the_worker_is_recorded_and_raised_on(
    plugin: Plugin, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    Answering(monkeypatch, error)
    run = make_run(plugin, max_retries=1)
    with pytest.raises(type(error)):
        perform_run(str(run.pk))
    run.refresh_from_db()
    assert (run.status, run.error_code) == (Status.PENDING, "interrupted")


def test_a_long_error_is_cut(plugin: Plugin, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    Answering(monkeypatch, RuntimeError("ü\x00\ud800" * 9_000))
    run = make_run(plugin)
    assert perform_run(str(run.pk)) == "failed"
    run.refresh_from_db()
    assert 0 < len(run.error.encode()) <= ERROR_BYTES


def test_an_answer_that_is_too_long_is_a_failure(
    plugin: Plugin, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plugin.current_version is not None
    text = "x" * (RESULT_BYTES + 1)
    Answering(monkeypatch, TaskAnswer(text=text, version_id=plugin.current_version.pk))
    run = make_run(plugin)
    assert perform_run(str(run.pk)) == "failed"
    run.refresh_from_db()
    assert (run.error_code, run.result) == ("limit-exceeded", "")


def test_an_attempt_that_was_taken_over_is_undone(
    plugin: Plugin, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(plugin)

    def answer_too_late(*args: Any, **given: Any) -> TaskAnswer:
        TaskRun.objects.filter(pk=run.pk).update(attempts=2, input="written by the plugin")
        return TaskAnswer(text="{}", version_id=1)

    monkeypatch.setattr(PluginManager, "run_handler", answer_too_late)
    assert perform_run(str(run.pk)) == "ignored"
    run.refresh_from_db()
    assert (run.status, run.result, run.input) == (Status.RUNNING, "", "{}")


def outcomes() -> list[str]:
    """Return what the audit says became of the attempts."""
    outbox.flush()
    return list(AuditEntry.objects.filter(act="task").order_by("pk").values_list("outcome", flat=True))


@pytest.mark.parametrize("writes", [True, False])
def test_an_attempt_that_was_taken_over_leaves_one_audit_entry_that_says_so(
    db: None, install: Install, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, writes: bool
) -> None:
    statement = "INSERT INTO shop_product (sku, name, price_cents, stock) VALUES ('a', 'a', 1, 1)"
    steps = [sql(statement)] if writes else []
    tables = {"shop_product": ["insert"]}
    run = make_run(install("loyalty", {"recount": json_handler(ok("{}", first=steps))}, tables=tables))
    run_handler = PluginManager.run_handler

    def run_too_late(*args: Any, **given: Any) -> TaskAnswer:
        answer = run_handler(*args, **given)
        TaskRun.objects.filter(pk=run.pk).update(attempts=2)
        return answer

    monkeypatch.setattr(PluginManager, "run_handler", run_too_late)
    assert perform_run(str(run.pk)) == "ignored"
    assert outcomes() == ["superseded"]
    entry = AuditEntry.objects.get(act="task")
    assert (entry.plugin, entry.version, entry.subject) == ("loyalty", 1, "recount")


def test_every_attempt_leaves_one_audit_entry(
    plugin: Plugin, install: Install, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    perform_run(str(make_run(plugin).pk))
    install("loyalty", {"recount": json_handler(err("no"))})
    perform_run(str(make_run(plugin).pk))

    def fail(digest: str) -> Callee:
        raise ArtifactError("is not in storage")

    monkeypatch.setattr(components, "get_linked", fail)
    perform_run(str(make_run(plugin).pk))
    assert outcomes() == ["ok", "plugin-failed", "artifact-error"]


@pytest.mark.django_db(transaction=True)
def test_a_failure_is_recorded_although_the_connection_was_lost(
    install: Install, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(install("loyalty", {"recount": json_handler(ok("{}"))}), max_retries=1)

    def lose_connection(*args: Any, **given: Any) -> TaskAnswer:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        raise AssertionError("the server ends the connection first")

    monkeypatch.setattr(PluginManager, "run_handler", lose_connection)
    assert perform_run(str(run.pk)) == "pending"
    run.refresh_from_db()
    assert (run.error_code, run.attempts) == ("host-error", 1)


@pytest.mark.django_db(transaction=True)
def test_a_plugin_is_loaded_before_the_runs_transaction_begins(
    install: Install, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(install("loyalty", {"recount": json_handler(ok("{}"))}))
    load, seen = components.get_linked, []

    def watched(digest: str) -> Callee:
        seen.append(connection.in_atomic_block)
        return load(digest)

    monkeypatch.setattr(components, "get_linked", watched)
    assert perform_run(str(run.pk)) == "finished"
    assert seen[0] is False


@pytest.mark.parametrize("error", [JobTimeoutException("out of time"), ArtifactError("is not in storage")])
def test_what_keeps_a_plugin_from_being_loaded_costs_no_retry(
    plugin: Plugin, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(digest: str) -> Callee:
        raise error

    run = make_run(plugin, max_retries=0)
    monkeypatch.setattr(components, "get_linked", fail)
    with suppress(JobTimeoutException):  # it ends the job
        perform_run(str(run.pk))
    run.refresh_from_db()
    assert (run.status, run.spared, run.attempts, run.lease_until) == (Status.PENDING, 1, 1, None)
    assert (run.due_at - timezone.now()).total_seconds() > 5


def test_waiting_for_a_plugin_that_sleeps_costs_a_run_nothing(
    plugin: Plugin, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(digest: str) -> Callee:
        raise PluginAsleep("is asleep", retry_after_s=1)

    def fail(digest: str) -> Callee:
        raise ArtifactError("is not in storage")

    run = make_run(plugin, max_retries=0)

    def perform() -> str:
        TaskRun.objects.filter(pk=run.pk).update(due_at=timezone.now())
        return perform_run(str(run.pk))

    monkeypatch.setattr(components, "get_linked", sleep)
    assert [perform() for _ in range(MOST_SPARED + 2)] == ["pending"] * (MOST_SPARED + 2)
    run.refresh_from_db()
    assert (run.spared, run.waited) == (0, MOST_SPARED + 2)
    monkeypatch.setattr(components, "get_linked", fail)
    assert perform() == "pending"
    run.refresh_from_db()
    assert (run.spared, run.waited, run.attempts) == (1, MOST_SPARED + 2, MOST_SPARED + 3)
    monkeypatch.undo()
    assert perform() == "finished"
