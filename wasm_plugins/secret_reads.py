"""Keeps what a call has read of its plugin's secrets out of what leaves it by accident, and notes that it has."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from .host.context import CallContext
from .runtime.log import CallLog
from .runtime.redaction import redact_error
from .snapshot import ActivePlugin

ACT: Final = "secret-read"

logger = logging.getLogger("wasm_plugins.audit")


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
    who = context.user.get_username() if getattr(context.user, "is_authenticated", False) else "nobody"
    read = ", ".join(names) or "no secret"
    logger.info("%s: %s %d read %s for %s; %d keys not found", ACT, plugin.name, plugin.version, read, who, missing)
