"""Keeps the last calls of each plugin with what it wrote, where the project wants it, whatever becomes of the call."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.db import router, transaction

from .conf import conf
from .exceptions import PluginError, PluginTrapped
from .models import KeptCall
from .outbox import outbox
from .runtime.log import CallLog, printable

ERROR_CHARS: Final = 8_192
"""How much of an error is kept, with its backtrace."""

HOST_ERROR: Final = "host-error"


@contextmanager
def kept(plugin: Any, export: str, log: CallLog, *, is_kept_elsewhere: bool) -> Iterator[None]:
    """Keep the call that the block makes, if calls are kept; a run has a row of its own, and a trial its page.

    Costs nothing where none are kept, and no query of the caller's where they are. What is kept has lost the secrets
    that the call read: they are taken out of log and errors before those come here.

    Args:
        plugin: Who is called, as a snapshot has it.
        export: Which function.
        log: What it writes.
        is_kept_elsewhere: Whether the call is an attempt of a run, or a trial, which would push real calls out.
    """
    if conf.KEPT_CALLS <= 0 or is_kept_elsewhere or not plugin.is_recorded:
        yield
        return
    started = time.perf_counter()
    failure: BaseException | None = None
    try:
        yield
    except BaseException as error:
        failure = error
        raise
    finally:
        call = KeptCall(plugin=plugin.name, version=plugin.version, export=printable(export)[:255])
        call.outcome, call.error = _told(failure)
        call.log = log.text().replace("\0", "\\0")
        call.elapsed_ms = round((time.perf_counter() - started) * 1000, 3)
        outbox.put(_write, call)


def _told(failure: BaseException | None) -> tuple[str, str]:
    if failure is None:
        return "ok", ""
    if not isinstance(failure, PluginError):
        return HOST_ERROR, ""  # what went wrong inside the project is for its own log
    backtrace = failure.backtrace if isinstance(failure, PluginTrapped) else ""
    lines = [failure.message, *backtrace.split("\n")] if backtrace else failure.message.split("\n")
    return failure.code, "\n".join(map(printable, lines))[:ERROR_CHARS].encode("utf-8", "backslashreplace").decode()


def _write(calls: list[KeptCall]) -> None:
    """Write calls, and forget the oldest of the same plugins."""
    using = router.db_for_write(KeptCall)
    with transaction.atomic(using=using):
        KeptCall.objects.using(using).bulk_create(calls)
        for name in {call.plugin for call in calls}:
            of_plugin = KeptCall.objects.using(using).filter(plugin=name)
            last = of_plugin.order_by("-at", "-pk").values_list("at", flat=True)[conf.KEPT_CALLS : conf.KEPT_CALLS + 1]
            for at in last:
                of_plugin.filter(at__lte=at).delete()
