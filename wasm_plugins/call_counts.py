"""Counts the calls of plugins by the hour: in memory while they happen, and every few seconds in the database."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from django.db import IntegrityError, router, transaction
from django.db.models import F

from .models import CallCount
from .outbox import outbox

_HOUR_S: Final = 3600
_PATIENCE_S: Final = 60.0
"""When to ask once more for what should be written by then: the outbox gives up what no waiting mends."""

Key = tuple[int, str]
"""Which hour since 1970, and which plugin."""


class CallCounts:
    """What was counted in this process and is not written yet; what a killed process had not written is lost."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew: in a forked process, what was counted is the parent's to write."""
        self._lock = threading.Lock()
        self._counted: dict[Key, list[int]] = {}
        self._ask_again_at = 0.0

    def add(self, plugin: str, *, has_failed: bool) -> None:
        """Count one call; takes less than a microsecond, but for the first in some seconds."""
        key = (int(time.time()) // _HOUR_S, plugin)
        now = time.monotonic()
        with self._lock:
            is_first = not self._counted or now > self._ask_again_at
            if is_first:
                self._ask_again_at = now + _PATIENCE_S
            counted = self._counted.setdefault(key, [0, 0])
            counted[0] += 1
            counted[1] += has_failed
        if is_first:
            outbox.put_later(_write_all, self)

    def take(self) -> dict[Key, list[int]]:
        """Return what was counted, and count from zero on."""
        with self._lock:
            counted, self._counted = self._counted, {}
        return counted

    def put_back(self, counted: dict[Key, list[int]]) -> None:
        """Count once more what could not be written, with what was counted meanwhile."""
        with self._lock:
            for key, (calls, failures) in counted.items():
                now = self._counted.setdefault(key, [0, 0])
                now[0] += calls
                now[1] += failures


def _write_all(counters: Iterable[CallCounts]) -> None:
    for each in counters:
        counted = each.take()
        try:
            with transaction.atomic(using=router.db_for_write(CallCount)):
                for key in sorted(counted):  # in one order in all processes, or two could wait for each other
                    _add(key, *counted[key])
        except BaseException:
            each.put_back(counted)
            raise


def _add(key: Key, calls: int, failures: int) -> None:
    row = {"hour": datetime.fromtimestamp(key[0] * _HOUR_S, UTC), "plugin": key[1]}
    if _grow(row, calls, failures):
        return
    try:
        with transaction.atomic(using=router.db_for_write(CallCount)):
            CallCount.objects.create(**row, calls=calls, failures=failures)
    except IntegrityError:  # another process was first
        _grow(row, calls, failures)


def _grow(row: dict[str, object], calls: int, failures: int) -> int:
    rows = CallCount.objects.filter(**row)
    return rows.update(calls=F("calls") + calls, failures=F("failures") + failures)


call_counts: Final = CallCounts()
os.register_at_fork(after_in_child=call_counts.reset)
