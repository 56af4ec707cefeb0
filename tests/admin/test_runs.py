"""Task runs in the admin: what went in and came out as text, and the way to RQ's own page of the job."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from tests.admin.conftest import MakeStaff
from tests.admin.pages import RUNS, Staff, levels_of, text_of
from tests.admin.plugins import IMG, greeter
from tests.installed import install
from wasm_plugins.admin import run_list
from wasm_plugins.models import Plugin, TaskRun
from wasm_plugins.tasks.queueing import hand_over

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(db: None) -> TaskRun:
    """A run that was asked for and not queued yet."""
    plugin = install(greeter())
    return TaskRun.objects.create(plugin=plugin, handler="greet", input='{"a": 1}', queue="default", timeout_s=5)


def _page(staff: Staff, run: TaskRun) -> str:
    return text_of(staff.get(f"{RUNS}{run.pk}/change/"))


def _job_link(page: str) -> str | None:
    found = re.search(r'href="([^"]*/queues/[^"]*)"', page)
    return None if found is None else found[1]


def test_a_run_that_is_over_is_shown_whole(viewer: Staff, run: TaskRun) -> None:
    now = timezone.now()
    TaskRun.objects.update(
        status=TaskRun.Status.FAILED,
        error="it broke",
        error_code="plugin-failed",
        log="first line\n  second line",
        progress_percent=40,
        progress_message="nearly there",
        started_at=now - timedelta(seconds=2.5),
        finished_at=now,
        requested_by=viewer.user,
    )
    page = _page(viewer, run)
    for part in (
        "{\n  &quot;a&quot;: 1\n}",
        "it broke",
        "first line\n  second line",
        "nearly there",
        "2.5 s",
        str(run.pk),
    ):
        assert part in page
    assert "nearly there" in text_of(viewer.get(RUNS))


def test_a_run_links_to_its_job_as_long_as_there_is_one(viewer: Staff, run: TaskRun, rq_queue: str) -> None:
    assert _job_link(_page(viewer, run)) is None
    hand_over(run)
    url = _job_link(_page(viewer, run))
    assert url is not None
    assert str(run.pk) in text_of(viewer.get(url))


def test_a_runs_page_opens_without_redis(viewer: Staff, run: TaskRun, settings: Settings) -> None:
    away = {**settings.RQ_QUEUES["default"], "URL": "redis://127.0.0.1:1/0"}
    settings.RQ_QUEUES = {"default": away}
    assert _job_link(_page(viewer, run)) is None


def test_a_runs_page_opens_when_its_queue_is_no_longer_configured(viewer: Staff, run: TaskRun) -> None:
    TaskRun.objects.update(queue="gone")
    assert _job_link(_page(viewer, run)) is None


def test_runs_can_be_found_by_id_status_and_plugin(viewer: Staff, run: TaskRun) -> None:
    Plugin.objects.create(name="other")
    link = f"{RUNS}{run.pk}/change/"
    assert link in text_of(viewer.get(RUNS, q=str(run.pk)))
    assert link in text_of(viewer.get(RUNS, status__exact="pending"))
    assert link not in text_of(viewer.get(RUNS, status__exact="failed"))
    assert link not in text_of(viewer.get(RUNS, q="other"))


def test_the_list_shows_the_beginning_of_a_long_outcome_only(viewer: Staff, run: TaskRun) -> None:
    TaskRun.objects.update(result="x" * 5_000)
    assert "x" * 100 not in text_of(viewer.get(RUNS))
    assert "x" * 5_000 in _page(viewer, run)


@pytest.mark.parametrize(("route", "word"), [("", "system"), ("/greeter/hello", "nobody")])
def test_who_asked_is_one_word_where_no_user_did(viewer: Staff, run: TaskRun, route: str, word: str) -> None:
    TaskRun.objects.update(route=route)
    assert f'<td class="field-asker">{word}</td>' in text_of(viewer.get(RUNS))
    TaskRun.objects.update(requested_by=viewer.user)
    assert f'<td class="field-asker">{viewer.user.username}</td>' in text_of(viewer.get(RUNS))


def test_a_runs_page_leaves_out_what_it_does_not_have_yet(viewer: Staff, run: TaskRun) -> None:
    fields = ("field-answer", "field-failure", "field-spent")
    page = _page(viewer, run)
    assert [each for each in fields if each in page] == []
    TaskRun.objects.update(result="{}", error="e", error_code="x", used={"host_calls": [1, 2]})
    page = _page(viewer, run)
    assert [each for each in fields if each in page] == list(fields)


def test_a_run_that_goes_on_has_a_bar_with_text_and_a_way_on_without_a_script(viewer: Staff, run: TaskRun) -> None:
    TaskRun.objects.update(status="running", progress_percent=30, progress_message="<b>counting")
    page = _page(viewer, run)
    assert '<progress id="run-progress" max="100" value="30">' in page
    assert "30 % &lt;b&gt;counting" in page and "<b>counting" not in page
    assert 'role="status" aria-live="polite"' in page
    assert 'id="run-reload"' in page
    TaskRun.objects.update(status="finished")
    assert "run-progress" not in _page(viewer, run)


def test_a_crash_is_shown_with_the_plugins_own_backtrace_and_nothing_of_it_is_html(viewer: Staff, run: TaskRun) -> None:
    TaskRun.objects.update(
        status="failed", error_code="plugin-trapped", error=f"greet crashed: unreachable\n  0: {IMG}\u202e!main"
    )
    page = _page(viewer, run)
    assert IMG not in page and "\u202e" not in page
    shown = re.search(r'<pre[^>]*aria-labelledby="run-backtrace-heading">(.*?)</pre>', page, re.DOTALL)
    assert shown is not None and "&lt;img" in shown[1] and "\\u202e" in shown[1]
    assert "!main" not in text_of(viewer.get(RUNS))  # only the first line is on the list


def test_used_and_limit_of_each_limit_are_told_in_words(viewer: Staff, run: TaskRun) -> None:
    TaskRun.objects.update(
        status="finished", used={"deadline_ms": [1_500, 5_000], "log_bytes": [65_536, 131_072], "?": 1}
    )
    page = _page(viewer, run)
    assert "Time, in milliseconds" in page and "30 %" in page
    assert "65536 (64 KiB)" in page and "50 %" in page


def test_a_long_text_is_bounded(viewer: Staff, run: TaskRun) -> None:
    TaskRun.objects.update(status="finished", result="y" * 100_000)
    page = _page(viewer, run)
    assert "y" * 65_536 in page and "y" * 65_537 not in page
    assert "34464 characters more" in page


def test_the_state_of_a_run_is_told_as_json_with_what_is_new_of_its_log(viewer: Staff, run: TaskRun) -> None:
    TaskRun.objects.update(status="running", log="info: one\ninfo: two", attempts=1, progress_percent=5)
    url = reverse("admin:wasm_plugins_taskrun_state", args=[run.pk])
    told = viewer.get(url, log_from="10").json()  # type: ignore[attr-defined]
    assert told == {
        "status": "running",
        "standing": "running: 5 %",
        "attempts": 1,
        "is_over": False,
        "percent": 5,
        "progress": "5 %",
        "log": "info: two",
        "log_chars": 19,
    }
    assert viewer.get(url, log_from="-1").json()["log_chars"] == 19  # type: ignore[attr-defined]
    assert viewer.post(url).status_code == 405


@pytest.mark.parametrize("page", ["state", "cancel", "retry"])
def test_each_view_of_a_run_asks_for_its_permission(staff: MakeStaff, run: TaskRun, page: str) -> None:
    url = reverse(f"admin:wasm_plugins_taskrun_{page}", args=[run.pk])
    lacking = {"state": ["run_plugin"], "cancel": ["view_taskrun"], "retry": ["run_plugin"]}[page]
    who = staff(*lacking)
    assert (who.get(url) if page == "state" else who.post(url)).status_code == 403
    run.refresh_from_db()
    assert run.status == "pending"


def test_a_run_is_cancelled_and_asked_for_again_by_buttons(staff: MakeStaff, run: TaskRun) -> None:
    who = staff("view_taskrun", "run_plugin")
    assert "Cancel this run" in _page(who, run) and 'value="Retry"' not in _page(who, run)
    answer = who.post(reverse("admin:wasm_plugins_taskrun_cancel", args=[run.pk]))
    assert levels_of(answer) == ["success"]
    assert "Cancel this run" not in _page(who, run) and 'value="Retry"' in _page(who, run)
    answer = who.post(reverse("admin:wasm_plugins_taskrun_retry", args=[run.pk]))
    again = TaskRun.objects.get(retry_of=run)
    assert answer["Location"] == f"{RUNS}{again.pk}/change/"
    page = _page(who, again)
    assert f"{RUNS}{run.pk}/change/" in page and f"system; asked again by {who.user.username}" in page
    assert f"{RUNS}{again.pk}/change/" in _page(who, run) and 'value="Retry"' not in _page(who, run)
    answer = who.post(reverse("admin:wasm_plugins_taskrun_retry", args=[run.pk]))
    assert levels_of(answer) == ["error"]
    assert TaskRun.objects.count() == 2


def test_a_run_that_finished_has_no_retry_and_its_page_says_why(staff: MakeStaff, run: TaskRun) -> None:
    TaskRun.objects.update(status="finished")
    page = _page(staff("view_taskrun", "run_plugin"), run)
    assert 'value="Retry"' not in page and "a second time" in page
    assert "a second time" not in _page(staff("view_taskrun"), run)


def test_what_there_is_not_is_not_found(root: Staff, run: TaskRun) -> None:
    gone = uuid.uuid4()
    assert root.post(reverse("admin:wasm_plugins_taskrun_cancel", args=[gone])).status_code == 404
    assert root.get(reverse("admin:wasm_plugins_taskrun_state", args=[gone])).status_code == 404


def _listed(staff: Staff, **query: str) -> bool:
    return 'class="field-asker"' in text_of(staff.get(RUNS, **query))


def test_the_list_is_narrowed_by_task_user_and_day(viewer: Staff, run: TaskRun) -> None:
    TaskRun.objects.update(requested_by=viewer.user, created_at=datetime(2026, 3, 4, 12, tzinfo=UTC))
    assert _listed(viewer, task="greet") and not _listed(viewer, task="other")
    assert _listed(viewer, asked_by=viewer.user.username) and not _listed(viewer, asked_by="ann")
    assert _listed(viewer, asked_from="2026-03-04", asked_to="2026-03-04")
    assert not _listed(viewer, asked_from="2026-03-05") and not _listed(viewer, asked_to="2026-03-03")
    assert _listed(viewer, q="gree") and _listed(viewer, q=viewer.user.username)
    page = text_of(viewer.get(RUNS, task="greet", asked_by="<b>"))
    assert '<input type="hidden" name="task" value="greet">' in page and "<b>" not in page
    for digits in (18, 19, 5_000):
        viewer.get(RUNS, plugin__id__exact="9" * digits)
    assert viewer.get(RUNS, asked_from="tomorrow").status_code == 302  # Django's own way to say so


def test_the_list_takes_as_many_queries_for_many_runs_as_for_one(
    root: Staff, run: TaskRun, django_assert_max_num_queries: Any
) -> None:
    with CaptureQueriesContext(connection) as one:
        text_of(root.get(RUNS))
    columns = {"plugin": run.plugin, "handler": "greet", "input": "{}", "queue": "default", "timeout_s": 5}
    users = [User.objects.create_user(f"user-{number}") for number in range(10)]
    TaskRun.objects.bulk_create(TaskRun(**columns, requested_by=user) for user in users)
    with django_assert_max_num_queries(len(one)):
        text_of(root.get(RUNS))


def test_no_more_runs_are_counted_than_the_list_leads_to(
    root: Staff, run: TaskRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = {"plugin": run.plugin, "handler": "greet", "input": "{}", "queue": "default", "timeout_s": 5}
    TaskRun.objects.bulk_create(TaskRun(**columns) for _ in range(5))
    monkeypatch.setattr(run_list, "MOST_COUNTED", 3)
    with CaptureQueriesContext(connection) as asked:
        page = text_of(root.get(RUNS))
    assert "The list ends after 3 runs" in page
    counting = [each["sql"] for each in asked if "COUNT(" in each["sql"] and "taskrun" in each["sql"]]
    assert counting and all("LIMIT 3" in sql for sql in counting)


def test_a_jobs_page_in_rq_leads_to_its_run(root: Staff, run: TaskRun, rq_queue: str) -> None:
    hand_over(run)
    url = _job_link(_page(root, run))
    assert url is not None
    assert f'href="{RUNS}{run.pk}/change/"' in text_of(root.get(url))
