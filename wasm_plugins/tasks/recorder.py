"""Shows a run while it runs: signs of life, progress and log, on a connection outside the plugin's transaction."""

from __future__ import annotations

import logging
import threading
import time
from types import TracebackType
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, connections

from ..models import TaskRun
from ..runtime.log import CallLog
from ..runtime.stopping import Stop
from ..runtime.usage import Usage
from .lease import database_now, heartbeat_s, lease_end, shows_life
from .outcome import storable
from .queueing import rows_of

INTERVAL_S: Final = 1.0
"""How often progress and log are written."""

_JOIN_S: Final = 10.0
_MESSAGE_CHARS: Final = 255

logger = logging.getLogger(__name__)


class Recorder:
    """Collects what a run reports, and while used as a context manager writes it and keeps the run's lease.

    May be entered again after it was left.

    Attributes:
        usage: What the run's call spent, once it has ended.
        stop: Asked for once the run is no longer this attempt's: it was cancelled, or somebody took it over.
    """

    def __init__(self, run: TaskRun, log: CallLog) -> None:
        self._run: Final = run
        self._alias: Final = run._state.db or DEFAULT_DB_ALIAS
        self._log: Final = log
        self.usage = Usage()
        self.stop: Final = Stop()
        self._progress: tuple[int, str] | None = None
        self._rows = rows_of(run).filter(status=TaskRun.Status.RUNNING, attempts=run.attempts)
        self._wake: Final = threading.Event()
        self._is_over = False
        self._written: dict[str, Any] = {}
        self._written_at = time.monotonic()
        # Inside somebody's transaction, which a test may be, nobody else sees the row.
        self._is_live = shows_life(self._alias) and not connections[self._alias].in_atomic_block
        self._thread: threading.Thread | None = None

    def report(self, percent: int, message: str) -> None:
        """Take a plugin's progress; the first is shown at once."""
        is_first = self._progress is None
        self._progress = (max(0, min(100, percent)), message)
        if is_first:
            self._wake.set()

    def columns(self) -> dict[str, Any]:
        """Return what was collected so far."""
        columns: dict[str, Any] = {"log": storable(self._log.text(), 256 * 1024)}
        if self.usage.used:
            columns["used"] = {name: list(amounts) for name, amounts in self.usage.used.items()}
        if self._progress is not None:
            percent, message = self._progress
            columns["progress_percent"] = percent
            columns["progress_message"] = storable(message)[:_MESSAGE_CHARS]
        return columns

    def __enter__(self) -> Recorder:
        if self._is_live:
            self._is_over = False
            self._wake.clear()
            self._thread = threading.Thread(target=self._write_until_over, name="wasm-plugins-recorder", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_JOIN_S)
            self._thread = None

    def _write_until_over(self) -> None:
        try:
            while not self._is_over:
                self._wake.wait(min(INTERVAL_S, heartbeat_s()))
                self._wake.clear()
                if not self._is_over:
                    self._write_if_needed()
        finally:
            connections.close_all()  # of this thread

    def _write_if_needed(self) -> None:
        columns = self.columns()
        try:
            if columns == self._written and time.monotonic() - self._written_at < heartbeat_s():
                self._look(self._rows.exists())
                return
            now = database_now(self._alias)
            lease_until = lease_end(self._run, self._alias, now)
            self._look(self._rows.update(heartbeat_at=now, lease_until=lease_until, **columns))
        except (DatabaseError, InterfaceError) as error:
            logger.warning("a run's progress could not be written, trying again: %s", error)
            connections.close_all()
            return
        self._written, self._written_at = columns, time.monotonic()

    def _look(self, is_ours: object) -> None:
        """Stop what nobody waits for: its outcome could not be written, so all that it did will be undone."""
        if not is_ours:
            self.stop.ask()
