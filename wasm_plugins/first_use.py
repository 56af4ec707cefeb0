"""Looks into storage and loads plugins beside the first call of a process, so that few callers wait for either."""

from __future__ import annotations

import logging
import threading

from django.db import connections

from .conf import conf, is_safe_mode
from .sync import sync_if_due
from .warming import warm

logger = logging.getLogger(__name__)


def sync_in_background() -> None:
    """Start a look into storage if it is due, on a thread of its own: no caller waits for it or shares its transaction.

    At most one process of the fleet looks in each interval, so this is cheap for all others. Then what is enabled is
    loaded, so that only the first call of a plugin, if it comes at once, waits for that.
    """
    if conf.SYNC_INTERVAL_S > 0 and not is_safe_mode():
        threading.Thread(target=_sync, name="wasm-plugins-sync", daemon=True).start()


def _sync() -> None:
    try:
        sync_if_due()
        warm()
    except Exception:
        logger.exception("plugins stay as they are: the look into storage failed")
    finally:
        connections.close_all()
