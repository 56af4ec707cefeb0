"""``plugins scheduler``: asks for runs by schedule, finds due and lost ones, looks into storage, keeps code ready."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeVar

from django.core.management.base import CommandParser
from django.db import close_old_connections

from ...retention import prune
from ...sync import sync_if_due
from ...tasks import run_schedules, sweep
from ...warming import warm
from .answer import Answer

HELP: Final = "Keep runs and storage in view, until SIGTERM or Ctrl-C."

_PRUNE_EVERY_S: Final = 600.0

logger = logging.getLogger(__name__)

_Done = TypeVar("_Done")


def add_arguments(parser: CommandParser) -> None:
    """Take ``--once`` and the interval."""
    parser.add_argument("--once", action="store_true", help="Look once and end.")
    parser.add_argument("--every", type=float, default=2.0, metavar="SECONDS", help="How often to look; 2 by default.")


def run(options: Mapping[str, Any]) -> Answer:
    """Look every few seconds; each act is safe in several copies, for the database lets one of them through."""
    if options["once"]:
        planned, swept, found, pruned = run_schedules(), sweep(), sync_if_due(), prune()
        data = {
            "schedules": planned.as_json(),
            "sweep": swept.as_json(),
            "sync": None if found is None else found.as_json(),
            "pruned": pruned.as_json(),
        }
        texts = [f"schedules: {_counts(planned.as_json())}", f"runs: {_counts(swept.as_json())}"]
        return Answer(data, "; ".join([*texts, f"storage: {'looked' if found else 'not due'}"]))
    with _stop_signal() as stop:
        warmed, prune_at = None, 0.0
        while not stop.is_set():
            _attempt(run_schedules)
            _attempt(sweep)
            _attempt(sync_if_due)
            warmed = _attempt(partial(warm, warmed)) or warmed
            if time.monotonic() >= prune_at:
                batch = _attempt(prune)
                prune_at = time.monotonic() + (0 if batch and not batch.is_done else _PRUNE_EVERY_S)
            stop.wait(options["every"])
    return Answer({"stopped": True}, "stopped")


def _attempt(act: Callable[[], _Done]) -> _Done | None:
    """Do one thing; a database or a server that is away now may be back the next time."""
    close_old_connections()
    try:
        return act()
    except Exception:
        logger.exception("the scheduler goes on after a failure")
        return None


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    """Turn SIGTERM and SIGINT into an event, so that what has begun comes to its end."""
    stop = threading.Event()
    before = {each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _counts(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in numbers.items())
