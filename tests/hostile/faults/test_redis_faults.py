"""Redis is down, forgets, refuses or is full: whoever asked for a run goes on, and the run happens once, later."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import F
from pytest_django import Settings

from project.stack.redis import RedisPlan, redis_server
from tests.components import json_handler, ok, sql
from tests.tasks.installed import install_plugin
from tests.workers import Workers, eventually, is_over, wait
from wasm_plugins.models import TaskRun
from wasm_plugins.tasks import request_run, sweep

pytestmark = pytest.mark.django_db(transaction=True)

Status = TaskRun.Status


class OwnRedis:
    """A server of the test's own, to be stopped, filled and confused."""

    def __init__(self, folder: Path) -> None:
        self.plan = RedisPlan()
        self._folder = folder
        self._running = contextlib.ExitStack()
        folder.mkdir()

    def start(self) -> None:
        """Start it, empty."""
        self._running.enter_context(redis_server(self.plan, self._folder))

    def stop(self) -> None:
        """Stop it; what it held is gone."""
        self._running.close()

    def client(self) -> redis.Redis:
        """Speak to it."""
        return redis.Redis.from_url(self.plan.url)


@pytest.fixture
def own_redis(tmp_path: Path, settings: Settings) -> Iterator[OwnRedis]:
    """A running server that has the queue ``default``."""
    server = OwnRedis(tmp_path / "own-redis")
    settings.RQ_QUEUES = {"default": {**settings.RQ_QUEUES["default"], "URL": server.plan.url}}
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def plugin(workers: Workers) -> None:
    """A plugin whose task leaves one row for each time it is performed."""
    step = sql("INSERT INTO auth_group (name) SELECT 'added ' || count(*) FROM auth_group")
    tables = {"auth_group": ["select", "insert"]}
    install_plugin("loyalty", {"recount": json_handler(ok("{}", first=[step]))}, tables=tables)


def _ask_in_business() -> TaskRun:
    """Ask as a project does: in a transaction that has more to do."""
    with transaction.atomic():
        Group.objects.create(name="business")
        run = request_run(plugin="loyalty", handler="recount", input_text="{}")
    assert Group.objects.filter(name="business").exists()
    run.refresh_from_db()
    return run


def _perform(workers: Workers, own_redis: OwnRedis, run: TaskRun) -> None:
    """Let a worker and a sweeper do their work, and see the run performed once."""
    queues = {"default": {"URL": own_redis.plan.url, "SERIALIZER": "rq.serializers.JSONSerializer"}}
    with workers.start(settings={"RQ_QUEUES": queues}):
        _see_performed_once(run)


def _see_performed_once(run: TaskRun) -> None:
    def is_over_or_swept(row: TaskRun) -> bool:
        waiting = TaskRun.objects.filter(pk=row.pk, status__in=[Status.PENDING, Status.QUEUED])
        waiting.update(due_at=F("due_at") - timedelta(seconds=10))
        sweep()
        return is_over(row)

    wait(run, is_over_or_swept)
    assert (run.status, run.attempts) == (Status.FINISHED, 1)
    assert Group.objects.filter(name__startswith="added").count() == 1


def _fill(own_redis: OwnRedis) -> None:
    with own_redis.client() as client:
        client.config_set("maxmemory", "1")


def _empty(own_redis: OwnRedis) -> None:
    with own_redis.client() as client:
        client.config_set("maxmemory", "0")


def _make_replica(own_redis: OwnRedis) -> None:
    with own_redis.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", "1")


def _make_master(own_redis: OwnRedis) -> None:
    with own_redis.client() as client:
        client.execute_command("REPLICAOF", "NO", "ONE")


FAULTS: dict[str, tuple[Callable[[OwnRedis], None], Callable[[OwnRedis], None]]] = {
    "is down": (OwnRedis.stop, OwnRedis.start),
    "is full": (_fill, _empty),
    "is a replica that is only read": (_make_replica, _make_master),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_if_05_asking_succeeds_and_the_run_happens_once_when_redis_is_back(
    workers: Workers, own_redis: OwnRedis, fault: str
) -> None:
    break_it, mend_it = FAULTS[fault]
    break_it(own_redis)
    run = _ask_in_business()
    assert run.status == Status.PENDING
    assert sweep().as_json() == {"enqueued": 0, "requeued": 0, "retried": 0, "failed": 0}
    mend_it(own_redis)
    _perform(workers, own_redis, run)


def test_if_05_what_flushall_took_away_happens_once(workers: Workers, own_redis: OwnRedis) -> None:
    run = _ask_in_business()
    assert run.status == Status.QUEUED
    with own_redis.client() as client:
        client.flushall()
    _perform(workers, own_redis, run)


@pytest.mark.parametrize("fault", FAULTS)
def test_if_05_a_worker_that_starts_meanwhile_waits_and_then_works(
    workers: Workers, own_redis: OwnRedis, fault: str
) -> None:
    break_it, mend_it = FAULTS[fault]
    break_it(own_redis)
    run = _ask_in_business()
    queues = {"default": {"URL": own_redis.plan.url, "SERIALIZER": "rq.serializers.JSONSerializer"}}
    with workers.start(settings={"RQ_QUEUES": queues}) as worker:
        eventually(lambda: "the worker begins anew" in workers.log())
        assert worker.process.poll() is None
        mend_it(own_redis)
        _see_performed_once(run)


def test_if_05_a_worker_outlives_a_redis_that_goes_and_comes_back(workers: Workers, own_redis: OwnRedis) -> None:
    queues = {"default": {"URL": own_redis.plan.url, "SERIALIZER": "rq.serializers.JSONSerializer"}}
    with workers.start(settings={"RQ_QUEUES": queues}) as worker:
        eventually(lambda: "Listening on" in workers.log())
        own_redis.stop()
        run = _ask_in_business()
        own_redis.start()
        _see_performed_once(run)
        assert worker.process.poll() is None


def test_if_05_with_burst_a_worker_says_at_once_that_redis_is_away(workers: Workers, own_redis: OwnRedis) -> None:
    own_redis.stop()
    queues = {"default": {"URL": own_redis.plan.url, "SERIALIZER": "rq.serializers.JSONSerializer"}}
    with workers.start("--burst", settings={"RQ_QUEUES": queues}) as worker:
        assert worker.process.wait(timeout=20) == 1
    assert "Redis does not answer" in workers.log()
    own_redis.start()
