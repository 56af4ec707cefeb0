"""Keeps what a call has read of its plugin's secrets out of what leaves it by accident, and notes that it has."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from .audit import record_soon
from .host.context import CallContext
from .runtime.log import CallLog
from .runtime.redaction import redact_error
from .snapshot import ActivePlugin

ACT: Final = "secret-read"


@contextmanager
def discreet(plugin: ActivePlugin, context: CallContext, log: CallLog) -> Iterator[None]:
    """Take the secrets that the block's call has read out of every exception that leaves it, and note the reads.

    Whoever records, logs or shows an error of a call has to be outside of the block.
    """
    try:
        yield
    except BaseException as error:
        redact_error(error, log.redactor)
        raise
    finally:
        _note_reads(plugin, context)


def _note_reads(plugin: ActivePlugin, context: CallContext) -> None:
    """Record the names of the secrets that a call has read, and how many keys it asked for that are not there.

    What the keys were that are not there is not recorded: the plugin wrote them. It must outlive the transaction of the
    call, which a plugin can have undone by failing.
    """
    names, missing = context.configuration.names_read, context.configuration.keys_missing
    if not names and not missing:
        return
    record_soon(
        act=ACT,
        user=context.user,
        plugin=plugin.name,
        version=plugin.version,
        digest=plugin.digest,
        subject=", ".join(names),
        details={"names": list(names), "missing": missing},
    )
