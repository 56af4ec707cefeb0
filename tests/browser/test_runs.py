"""Tasks that people run by hand: they ask, watch, and see the end of it, without loading a page again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction
from pytest_django import Settings

from project.shop.models import Product
from tests.admin.pages import RUNS, page_of
from tests.browser.person import Person
from tests.browser.plugins import ORDERS, PRODUCTS, loyalty, parcels, tea_cosy
from tests.installed import install
from tests.workers import Workers, is_pending, share_plugins
from wasm_plugins.models import TaskRun

_LOADED = "() => performance.getEntriesByType('navigation')[0].startTime + performance.timeOrigin"


@pytest.fixture
def worker(
    tmp_path: Path, child_environment: dict[str, str], settings: Settings, rq_queue: str, transactional_db: None
) -> Iterator[None]:
    """A worker as in production, on the plugins of this test."""
    share_plugins(settings)
    with Workers(tmp_path, child_environment).start():
        yield


def test_a_run_is_watched_while_it_runs_without_loading_the_page_again(operator: Person, worker: None) -> None:
    tea_cosy()
    plugin = install(parcels(), grants=PRODUCTS)
    operator.open(page_of(plugin))
    operator.follow("Run count now")
    with transaction.atomic():
        list(Product.objects.select_for_update())  # what the task waits for
        operator.press("Run now")
        operator.sees("4 of 10 parcels")
        loaded = operator.do(lambda page: page.evaluate(_LOADED))
        operator.sees("looking at parcels", within="#run-log")
        operator.look("run-running")
        operator.misses("all parcels are counted")
    operator.sees("all parcels are counted", within="#run-log")
    operator.sees('"parcels": 10')
    operator.sees("finished", within="#run-standing")
    operator.look("run-finished")
    assert operator.do(lambda page: page.evaluate(_LOADED)) == loaded


def test_a_run_that_waits_is_cancelled_and_asked_for_again(operator: Person, rq_queue: str) -> None:
    plugin = install(loyalty(), grants=ORDERS)
    operator.open(page_of(plugin))
    operator.follow("Run recount now")
    operator.fill("Input", '{"since": 2020}')
    operator.press("Run now")
    operator.sees("since")
    run = TaskRun.objects.get()
    assert not run.is_over
    operator.press("Cancel this run")
    operator.sees("The run was cancelled", within="body")
    operator.look("run-cancelled")
    operator.press("Retry")
    operator.sees("This is the new run", within="body")
    operator.follow("The run that this one retries")
    assert str(run.pk) in operator.path

    operator.open(RUNS)
    assert operator.count("#result_list tbody tr") == 2
    assert is_pending(TaskRun.objects.exclude(pk=run.pk).get()) or rq_queue
