"""Lets writers of one plugin's key-value store take turns, so that what it keeps is counted and never guessed."""

from __future__ import annotations

import time
from typing import Final

from django.db import connections
from django.db.models import F

from ..models import KeyValueUsage
from ..runtime.limits import Limits
from ..runtime.wasi.keyvalue import KeyValueFailed, Usage

PATIENCE_MS: Final = 1_000
"""How long a writer waits for its turn, in milliseconds, when the call itself has longer to live."""

_LOCKS: Final = 0x77_6B_76_01
"""First half of the advisory locks' keys, which are of the whole database; the second is the plugin's id."""

_PAUSE_S: Final = 0.005
_ID_BITS: Final = 31


def take_turn(alias: str, plugin_id: int, remaining_ms: int) -> None:
    """Wait until no other transaction has written to the plugin's store, and keep others waiting until this one ends.

    PostgreSQL's lock is asked for again and again instead of waited for: waiting would need ``lock_timeout``, which is
    the caller's. A row's lock would not do, since there may be no row yet. Elsewhere, a write takes the lock: on SQLite
    that of all writers, and before anything is read, or it might be refused at once.

    Raises:
        KeyValueFailed: The turn did not come.
        DatabaseError: The database refused.
    """
    if connections[alias].vendor != "postgresql":
        KeyValueUsage.objects.using(alias).filter(pk=plugin_id).update(keys=F("keys"))
        return
    give_up_at = time.monotonic() + min(remaining_ms, PATIENCE_MS) / 1_000
    with connections[alias].cursor() as cursor:
        while True:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCKS, plugin_id % 2**_ID_BITS])
            if cursor.fetchone()[0]:
                return
            if time.monotonic() + _PAUSE_S > give_up_at:
                raise KeyValueFailed("other", "another transaction of this plugin writes; nothing was written")
            time.sleep(_PAUSE_S)


def write_usage(alias: str, plugin_id: int, old_bytes: int | None, new_bytes: int | None, limits: Limits) -> None:
    """Count an entry that is about to have another size; it must be the plugin's turn.

    Raises:
        KeyValueFailed: It would be more than a limit.
    """
    rows = KeyValueUsage.objects.using(alias)
    found = rows.filter(pk=plugin_id).values_list("keys", "size_bytes").first()
    before = Usage(*(found or (0, 0)))
    after = before.after(old_bytes, new_bytes, limits)
    if after != before or found is None:
        rows.update_or_create(pk=plugin_id, defaults={"keys": after.keys, "size_bytes": after.size_bytes})
