"""The host's own fixed statements on a PostgreSQL connection: planned once, and sent together with what follows."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Final
from weakref import WeakKeyDictionary

import psycopg
from psycopg import Pipeline, RawCursor, errors
from psycopg.sql import Composed

_THRESHOLD: Final = 5
"""psycopg's own default; with any number it prepares a statement that asks for it at once."""

_MOST_COUNTED: Final = 100
_FAILURES_PER_LOOK: Final = 20
_MOST_FORGOTTEN: Final = 50
"""Plans that the driver may have forgotten on the server; one was seen to take some 100 kB."""

_failures: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
_times: WeakKeyDictionary[Any, OrderedDict[int, int]] = WeakKeyDictionary()
_is_direct: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


@contextmanager
def one_trip(raw: Any) -> Iterator[None]:
    """Send all that the block executes without waiting in between; the answers are there when it ends.

    What follows a statement that fails is not run. libpq has this since version 14 (pipeline mode); with an older one
    each statement waits for its own answer.

    Raises:
        psycopg.Error: What the server answers to the first statement that fails.
    """
    failed: psycopg.Error | None = None
    handled = sys.exc_info()[1]
    try:
        with raw.pipeline() if Pipeline.is_supported() else nullcontext():
            try:
                yield
            except psycopg.Error as error:
                failed = error  # out of the driver's block it would be logged, with what was not run because of it
    except psycopg.Error as error:
        if failed is None and (stop := _stop_behind(error, handled)) is not None:
            raise stop from None
        failed = failed or error
    if isinstance(failed, errors.InvalidSqlStatementName):
        _is_direct[raw] = False  # the driver believes it is still there: never again on this connection
    if failed is not None:
        raise failed


def _stop_behind(error: psycopg.Error, handled: BaseException | None) -> BaseException | None:
    """Return what interrupted the wait, such as RQ's timeout: the driver raises an error of its own in its place."""
    cause = error.__context__
    while isinstance(cause, psycopg.Error):
        cause = cause.__context__
    return None if cause is handled else cause


def bound_kept(raw: Any) -> None:
    """See to it that what fails leaves not ever more plans on the server; called after something failed.

    A statement that is prepared and then fails stays there, and the driver forgets it: only the server can be asked.
    """
    failures = _failures[raw] = _failures.get(raw, 0) + 1
    if failures % _FAILURES_PER_LOOK or not _is_direct.get(raw):
        return
    (kept,) = raw.execute("SELECT pg_catalog.count(*) FROM pg_catalog.pg_prepared_statements", prepare=False).fetchone()
    if kept > (raw.prepared_max or 0) + _MOST_FORGOTTEN:
        _is_direct[raw] = False


def execute_kept(
    cursor: RawCursor[Any],
    text: str | Composed,
    params: Sequence[object],
    options: Mapping[str, Any],
    *,
    at_once: bool = True,
    binary: bool = False,
) -> None:
    """Run a statement, prepared where that is safe; planning is most of what a small one costs.

    Django turns preparing off because a pooler may give each transaction another server. A pooler also answers a login
    with a process number of its own, so the server's number says whether there is one in between. Where the project
    itself says ``"prepare_threshold": None``, nothing is prepared. The driver keeps at most 100 on a connection.

    Args:
        cursor: A cursor of its own of psycopg's, inside a transaction and a block of ``one_trip``.
        text: The statement.
        params: Its parameters.
        options: ``OPTIONS`` of the database.
        at_once: Whether to prepare it the first time, as what is always the same, or when it has come back often.
        binary: Whether the answer comes as the server's own bytes instead of text.

    Raises:
        psycopg.Error: What the server answers. A host that discarded what was prepared sees it once.
    """
    raw = cursor.connection
    if not _may_prepare(raw, options) or not (at_once or _comes_often(raw, text)):
        cursor.execute(text, params, prepare=False, binary=binary)
        return
    threshold = raw.prepare_threshold
    raw.prepare_threshold = _THRESHOLD if threshold is None else threshold
    try:
        cursor.execute(text, params, prepare=True, binary=binary)
    finally:
        raw.prepare_threshold = threshold  # the host's statements go on as the project wants them


def _comes_often(raw: Any, text: str | Composed) -> bool:
    """Count a statement. The driver would count too, but then believe that one is prepared whose preparing failed."""
    times = _times.setdefault(raw, OrderedDict())
    key = hash(text)
    times[key] = times.pop(key, 0) + 1
    if len(times) > _MOST_COUNTED:
        times.popitem(last=False)
    return times[key] > _THRESHOLD


def _may_prepare(raw: Any, options: Mapping[str, Any]) -> bool:
    if options.get("prepare_threshold", _THRESHOLD) is None:
        return False
    known = _is_direct.get(raw)
    if known is None:
        row = raw.execute("SELECT pg_catalog.pg_backend_pid()", prepare=False).fetchone()
        known = _is_direct[raw] = row is not None and row[0] == raw.info.backend_pid
    return known
