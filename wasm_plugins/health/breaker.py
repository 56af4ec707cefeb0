"""The circuit breaker: a version that fails too often sleeps, and one call at a time tries whether it is well again.

Failures are counted in each process, in memory. That a version sleeps is on its row for all to see: every process
learns of it with the next snapshot, so that no call asks the database whether it may begin.
"""

from __future__ import annotations

import math
import os
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from ..conf import conf
from ..exceptions import PluginAsleep
from ..runtime.limits import Limits
from ..sleeps import Sleep
from ..snapshot import ActivePlugin
from . import records
from .window import Window

_LEASE_S: Final = 30
"""How much longer than its deadline a probe may take before another one is let through."""

_ASK_AGAIN_S: Final = 1
"""How long a process waits that was not let through, in seconds."""


@dataclass(slots=True)
class _Known:
    """What this process knows of a version beyond the snapshot."""

    window: Window = field(default_factory=Window)
    instead_of: Sleep | None = None
    """What the snapshot said when the process learned better; as soon as it says something else, that counts."""
    sleeps_until: datetime | None = None
    is_correction: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)
    asking: threading.Lock = field(default_factory=threading.Lock)

    def until(self, plugin: ActivePlugin) -> datetime | None:
        """Return until when the version sleeps, or ``None`` while it is awake."""
        if self.is_correction and self.instead_of == plugin.sleep:
            return self.sleeps_until
        return None if plugin.sleep is None else plugin.sleep.until

    def correct(self, plugin: ActivePlugin, sleeps_until: datetime | None) -> None:
        """Know better than the snapshot, until there is another one."""
        self.instead_of, self.sleeps_until, self.is_correction = plugin.sleep, sleeps_until, True


class Breaker:
    """The breakers of all versions that this process calls."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what was counted: in a forked process it is the parent's."""
        self._known: defaultdict[int, _Known] = defaultdict(_Known)

    def check_awake(self, plugin: ActivePlugin) -> None:
        """Refuse what need not be begun; whether a version may be tried again is for ``admit`` to say.

        Raises:
            PluginAsleep: The version sleeps, and it is not time to try it.
        """
        until, now = self._known[plugin.version_id].until(plugin), timezone.now()
        if until is not None and until > now:
            raise _asleep(plugin, until, now)

    def admit(self, plugin: ActivePlugin, limits: Limits) -> bool:
        """Let a call begin.

        Returns:
            Whether it is the one call that tries a version which sleeps.

        Raises:
            PluginAsleep: The version sleeps.
        """
        known = self._known[plugin.version_id]
        until, now = known.until(plugin), timezone.now()
        if until is None:
            return False
        if until > now:
            raise _asleep(plugin, until, now)
        if not known.asking.acquire(blocking=False):  # of many threads that come now, one asks, and none waits for it
            raise _asleep(plugin, now, now)
        try:
            until = known.until(plugin)
            if until is not None and until <= now:
                until = self._try_to_probe(plugin, known, limits, now)
                if until is None:
                    return True
        finally:
            known.asking.release()
        if until is not None:
            raise _asleep(plugin, until, now)
        return False

    def note_success(self, plugin: ActivePlugin, is_probe: bool) -> None:
        """Note a call that ended well; a version that was tried is awake again."""
        known = self._known[plugin.version_id]
        known.window.add_success()
        if is_probe:
            known.window.clear()
            known.correct(plugin, None)
            records.wake(plugin)

    def note_failure(self, plugin: ActivePlugin, is_probe: bool, error: Exception) -> None:
        """Note a call that failed by the version's own fault, which may be one too many."""
        known = self._known[plugin.version_id]
        with known.lock:
            if not is_probe:
                known.window.add_failure()
                until = known.until(plugin)
                if until is not None and until > timezone.now():
                    return  # it fell asleep after this call had begun
                if until is None and not known.window.is_too_bad(
                    failures=conf.BREAKER_FAILURES, window_s=conf.BREAKER_WINDOW_S
                ):
                    return
            known.window.clear()
            times = 1 if plugin.sleep is None else plugin.sleep.times + 1
            known.correct(plugin, timezone.now() + timedelta(seconds=records.sleep_s(times)))
        records.fall_asleep(plugin, error, is_probe=is_probe)

    def _try_to_probe(self, plugin: ActivePlugin, known: _Known, limits: Limits, now: datetime) -> datetime | None:
        """Ask for the right to try the version: ``None`` if we have it, else until when not to ask again."""
        lease_until = now + timedelta(seconds=limits.deadline_ms / 1000 + _LEASE_S)
        if records.claim_probe(plugin, lease_until):
            known.correct(plugin, lease_until)
            return None
        again = now + timedelta(seconds=_ASK_AGAIN_S)
        known.correct(plugin, again)
        return again


def _asleep(plugin: ActivePlugin, until: datetime, now: datetime) -> PluginAsleep:
    seconds = max(1, math.ceil((until - now).total_seconds()))
    return PluginAsleep(
        "is asleep after repeated failures", retry_after_s=seconds, plugin=plugin.name, version=plugin.version
    )


breaker: Final = Breaker()
os.register_at_fork(after_in_child=breaker.reset)
