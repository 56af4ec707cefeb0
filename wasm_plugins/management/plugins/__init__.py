"""The subcommands of ``manage.py plugins``, one module for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from django.core.management.base import CommandParser

from . import (
    advisories,
    call_hook,
    call_route,
    database,
    disable,
    doctor,
    enable,
    hooks,
    limits,
    listing,
    release,
    rollback,
    run_task,
    scheduler,
    schedules,
    secret,
    sync,
    token,
    upload,
    worker,
)
from .answer import Answer


class Subcommand(Protocol):
    """What such a module has."""

    HELP: str

    def add_arguments(self, parser: CommandParser) -> None:
        """Add its arguments."""

    def run(self, options: Mapping[str, Any]) -> Answer:
        """Do it and say what came of it."""
        ...


SUBCOMMANDS: Final[Mapping[str, Subcommand]] = {
    "list": listing,
    "sync": sync,
    "upload": upload,
    "enable": enable,
    "disable": disable,
    "rollback": rollback,
    "limits": limits,
    "release": release,
    "hooks": hooks,
    "call-hook": call_hook,
    "call-route": call_route,
    "run-task": run_task,
    "worker": worker,
    "scheduler": scheduler,
    "schedules": schedules,
    "secrets": secret,
    "token": token,
    "database": database,
    "doctor": doctor,
    "advisories": advisories,
}
