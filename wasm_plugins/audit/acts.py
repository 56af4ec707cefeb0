"""Writes down what an admin did, in the very transaction of the act: there is never one without the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..models import AuditEntry, Plugin, PluginVersion
from .entries import new_entry
from .means import current_means


def record_act(
    user: Any,
    act: str,
    plugin: Plugin | str | None,
    *,
    subject: str = "",
    details: Mapping[str, Any] | None = None,
    version: PluginVersion | None = None,
    outcome: str = "ok",
) -> AuditEntry:
    """Add an entry on the caller's connection, so that it is kept or undone with what the caller did.

    Args:
        user: Who did it; ``None`` and ``AnonymousUser`` are the system, for example a command.
        act: What was done, such as ``enable``; at most 32 characters.
        plugin: To whom; ``None`` for what is about no single plugin, such as a sync.
        subject: What it was about, such as the capability that was granted; cut to 255 characters.
        details: What else is to be known, small, as JSON, and never a secret's value.
        version: Which version of the plugin, where it was about one.
        outcome: ``ok``, or the code of the error that refused it.

    Raises:
        DatabaseError: The entry could not be written, so the act must not happen either.
    """
    entry = new_entry(
        act=act,
        user=user,
        plugin=plugin.name if isinstance(plugin, Plugin) else plugin or "",
        version=None if version is None else version.number,
        digest="" if version is None else version.digest,
        subject=subject,
        outcome=outcome,
        details={**(details or {}), **current_means()},
    )
    entry.save()
    return entry
