"""Has a worker work, and work again after Redis was away, until somebody stops it."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Sequence
from typing import Any, Final

from django.db import connections
from django_rq.workers import get_worker
from redis.exceptions import RedisError
from rq.exceptions import StopRequested

from .worker import PluginWorker, SimplePluginWorker

LONGEST_PAUSE_S: Final = 30.0

logger = logging.getLogger(__name__)


def work(queues: Sequence[str], *, simple: bool = False, burst: bool = False) -> None:
    """Perform jobs of plugins until SIGTERM or Ctrl-C, or with ``burst`` until the queues are empty.

    SIGTERM lets the job that runs come to its end; a second one, a second later, ends it as well.

    Args:
        queues: Names in ``RQ_QUEUES``, all on one Redis.
        simple: Perform them in this process instead of one for each.
        burst: End when the queues are empty, and when Redis does not answer.

    Raises:
        RedisError: Redis does not answer, or refuses, and ``burst`` was asked for.
        KeyError: ``RQ_QUEUES`` has no such queue.
        ValueError: The queues are not on one Redis.
    """
    pause_s = 1.0
    while True:
        worker: Any = None
        try:
            worker = _make(queues, simple=simple)
            connections.close_all()  # no work horse may share one with us
            if worker.work(burst=burst, logging_level=None):
                pause_s = 1.0
            if burst or worker.is_asked_to_stop:
                return
        except StopRequested:  # told while the worker was on its way out
            return
        except RedisError as error:
            if burst or (worker is not None and worker.is_asked_to_stop):
                raise
            logger.warning("Redis is away: %s", error)
        logger.warning("the worker begins anew in %.0f s", pause_s)
        if _stopped_within(pause_s):
            return
        pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)


def _make(queues: Sequence[str], *, simple: bool) -> Any:
    worker_class: Any = SimplePluginWorker if simple else PluginWorker
    return get_worker(*queues, worker_class=worker_class)


def _stopped_within(pause_s: float) -> bool:
    """Wait, and tell whether somebody asked us to stop meanwhile."""
    stop = threading.Event()
    before = {each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        return stop.wait(pause_s)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
