"""Task runs in the admin: what went in and came out as text, and the way to RQ's own page of the job."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from tests.admin.pages import RUNS, Staff, text_of
from tests.admin.plugins import greeter
from tests.installed import install
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
    for part in ("{&quot;a&quot;: 1}", "it broke", "first line\n  second line", "nearly there", "2.5 s", str(run.pk)):
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
    fields = ("field-answer", "field-failure", "field-lines", "field-progress", "field-finished_at", "field-spent")
    page = _page(viewer, run)
    assert [each for each in fields if each in page] == []
    now = timezone.now()
    TaskRun.objects.update(
        result="{}", error="e", log="l", progress_percent=0, finished_at=now, used={"host_calls": [1, 2]}
    )
    page = _page(viewer, run)
    assert [each for each in fields if each in page] == list(fields)
