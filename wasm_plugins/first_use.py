"""Looks into storage and loads plugins beside the first call of a process, so that few callers wait for either."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from random import SystemRandom
from typing import Final

from django.db import connections
from rq import get_current_job

from .conf import conf, is_safe_mode
from .readiness import last_look
from .sync import look, sync_if_due
from .warming import warm

logger = logging.getLogger(__name__)


def sync_in_background() -> None:
    """Start a look into storage if it is due, on a thread of its own: no caller waits for it or shares its transaction.

    At most one process of the fleet looks in each interval, so this is cheap for all others. Then what is enabled is
    loaded, so that only the first call of a plugin, if it comes at once, waits for that.

    Not in a job of RQ, whoever's it is: its process mostly ends with it, at once, in the midst of whatever a thread
    does, and that would be counted as a death of the plugin that is just being loaded.
    """
    if conf.SYNC_INTERVAL_S > 0 and not is_safe_mode() and get_current_job() is None:
        threading.Thread(target=_sync, name="wasm-plugins-sync", daemon=True).start()


def _sync() -> None:
    try:
        done = warm()  # what this machine has compiled serves, whatever storage says
        sync_if_due()
        _try_again()
        warm(done)
    except Exception:
        logger.exception("plugins stay as they are: the look into storage failed")
    finally:
        connections.close_all()


def _try_again() -> None:
    """Look again, and wait longer each time, while storage does not answer."""
    for wait_s in _waits_s():
        if not last_look.problem:
            return
        connections.close_all()
        time.sleep(wait_s)
        look()


def _waits_s() -> Iterator[float]:
    """Return 1, 2, 4 … seconds up to the interval, each half as long or half as long again.

    Chance spreads the processes of a fleet, or all would come at once to a storage that just came back.
    """
    chance = SystemRandom()
    for attempt in range(_ATTEMPTS):
        yield min(2.0**attempt, conf.SYNC_INTERVAL_S) * chance.uniform(0.5, 1.5)


_ATTEMPTS: Final = 12
"""With the default interval, a quarter of an hour with growing pauses; after that the next look of the fleet counts."""
