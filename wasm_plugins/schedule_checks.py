"""System checks of the settings that schedules go by."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfoNotFoundError

from django.core.checks import CheckMessage, Error

from .conf import PREFIX, conf
from .tasks.schedule import schedule_zone
from .tasks.schedule_runs import MISSED


def check_schedules() -> Iterator[CheckMessage]:
    """Check the time zone, and what to do about due times that were missed."""
    try:
        schedule_zone()
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        yield Error(
            f"{PREFIX}SCHEDULE_TIME_ZONE is {conf.SCHEDULE_TIME_ZONE!r:.80}, which is no time zone.",
            hint='Name one as "Europe/Madrid" or "UTC", or leave the setting out for TIME_ZONE.',
            id="wasm_plugins.E080",
        )
    if conf.SCHEDULE_MISSED not in MISSED:
        yield Error(
            f"{PREFIX}SCHEDULE_MISSED is {conf.SCHEDULE_MISSED!r:.80}.",
            hint=f"Use one of {', '.join(MISSED)}.",
            id="wasm_plugins.E081",
        )
