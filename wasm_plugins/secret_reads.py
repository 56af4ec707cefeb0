"""Leaves a trace of every call that asked for its plugin's secrets."""

from __future__ import annotations

import logging
from typing import Any, Final

from .host.configuration import Configuration
from .snapshot import ActivePlugin

ACT: Final = "secret-read"

logger = logging.getLogger("wasm_plugins.audit")


def note_secret_reads(plugin: ActivePlugin, configuration: Configuration, user: Any) -> None:
    """Record the names of the secrets that a call has read, and how many keys it asked for that are not there.

    What the keys were that are not there is not recorded: the plugin wrote them.
    """
    names, missing = configuration.names_read, configuration.keys_missing
    if not names and not missing:
        return
    who = user.get_username() if getattr(user, "is_authenticated", False) else "nobody"
    read = ", ".join(names) or "no secret"
    logger.info("%s: %s %d read %s for %s; %d keys not found", ACT, plugin.name, plugin.version, read, who, missing)
