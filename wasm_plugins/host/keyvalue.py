"""``wasi:keyvalue``: the plugin's own store, in the project's database and inside the caller's transaction."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connections, router, transaction
from django.db.models import QuerySet

from ..capabilities import KEYVALUE
from ..models import KeyValue
from ..runtime.state import CallState
from ..runtime.wasi.keyvalue import Change, KeyValueFailed, entry_bytes, keyvalue_interfaces
from ..scopes.buckets import BucketGrant
from .context import context_of
from .keyvalue_turn import take_turn, write_usage
from .session import SessionRefused

logger = logging.getLogger(__name__)


class _DatabaseStore:
    """Rows of the calling plugin, and never of another: its id comes from the host."""

    def opens(self, state: CallState, bucket: str) -> bool:
        """Tell whether the bucket was granted."""
        try:
            return bucket in BucketGrant.from_scope(context_of(state).grants.get(KEYVALUE, {})).buckets
        except ValueError:
            logger.warning("plugin %s: its grant of keyvalue cannot be read", context_of(state).plugin)
            return False

    def get(self, state: CallState, bucket: str, key: str) -> bytes | None:
        """Return a value; blocks for one query."""
        value = _rows(state, bucket).filter(key=key).values_list("value", flat=True).first()
        return None if value is None else bytes(value)

    def exists(self, state: CallState, bucket: str, key: str) -> bool:
        """Tell whether there is one; blocks for one query."""
        return _rows(state, bucket).filter(key=key).exists()

    def keys(self, state: CallState, bucket: str, after: str | None, most: int) -> list[str]:
        """Return keys in the database's order; blocks for one query."""
        rows = _rows(state, bucket) if after is None else _rows(state, bucket).filter(key__gt=after)
        return list(rows.order_by("key").values_list("key", flat=True)[:most])

    def put(self, state: CallState, bucket: str, key: str, value: bytes | None) -> None:
        """Keep a value, or none; blocks until it is the plugin's turn, and for about five queries."""
        with _writing(state) as alias:
            sizes = _rows(state, bucket).filter(key=key).values_list("size_bytes", flat=True)
            _write(state, alias, bucket, key, sizes.first(), value)

    def change(self, state: CallState, bucket: str, key: str, change: Change) -> None:
        """The same with a value that is made of the old one."""
        with _writing(state) as alias:
            old = self.get(state, bucket, key)
            _write(state, alias, bucket, key, None if old is None else entry_bytes(key, old), change(old))


def _alias(state: CallState) -> str:
    """Return the alias of the store, with a transaction open on it that ends with the caller's."""
    context = context_of(state)
    if context.plugin_id <= 0:
        raise KeyValueFailed("other", "a plugin that a test made up has no store")
    alias = router.db_for_write(KeyValue)
    try:
        return context.session.join(alias, alias)
    except SessionRefused as refused:
        raise KeyValueFailed("other", f"the store cannot be used here: {refused}") from None


def _rows(state: CallState, bucket: str) -> QuerySet[KeyValue]:
    return KeyValue.objects.using(_alias(state)).filter(plugin_id=context_of(state).plugin_id, bucket=bucket)


@contextmanager
def _writing(state: CallState) -> Iterator[str]:
    """Open a savepoint in which it is this plugin's turn; what the database refuses leaves the rest as it was."""
    alias = _alias(state)
    try:
        with transaction.atomic(using=alias):
            take_turn(alias, context_of(state).plugin_id, state.remaining_ms)
            yield alias
    except DatabaseError as error:
        if connections[alias].needs_rollback:  # more is lost than this statement
            raise
        logger.warning("plugin %s: its store was not written: %s", context_of(state).plugin, error)
        raise KeyValueFailed("other", "the database refused; nothing was written") from error
    context_of(state).session.note_write(alias)


def _write(state: CallState, alias: str, bucket: str, key: str, old_bytes: int | None, value: bytes | None) -> None:
    new_bytes = None if value is None else entry_bytes(key, value)
    write_usage(alias, context_of(state).plugin_id, old_bytes, new_bytes, state.limits)
    if value is None:
        if old_bytes is not None:
            _rows(state, bucket).filter(key=key).delete()
        return
    assert new_bytes is not None
    KeyValue.objects.using(alias).update_or_create(
        plugin_id=context_of(state).plugin_id,
        bucket=bucket,
        key=key,
        defaults={"value": value, "size_bytes": new_bytes},
    )


INTERFACES = keyvalue_interfaces(_DatabaseStore())
