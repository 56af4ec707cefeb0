"""When a cron expression is due: five fields in a time zone, by the rules of Debian's cron where clocks change."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import islice, pairwise
from typing import Final

from cronsim import CronSim, CronSimError

SCHEDULE_CHARS: Final = 100
"""Longest expression, in characters."""

LEAST_INTERVAL_S: Final = 60
"""Shortest interval that five fields can say, in seconds."""

_DAY_MINUTES: Final = 24 * 60
_FIELDS: Final = re.compile(r"[0-9A-Za-z*,/#-]+(?: [0-9A-Za-z*,/#-]+){4}", re.ASCII)
_MOST_STEPS: Final = 8
"""Times that are tried before one lies after the moment asked about; where clocks are set back, the first may not."""

_LONGEST_REST: Final = timedelta(days=10 * 365)
"""Longest time between two due times: 29 February may be eight years away."""

_SOME_DAY: Final = datetime(2024, 1, 1, tzinfo=UTC)


class ScheduleError(ValueError):
    """An expression is none, or asks for too much. The message says what it must be."""


@lru_cache(maxsize=1024)
def check_schedule(expression: str, *, least_interval_s: int = LEAST_INTERVAL_S) -> str:
    """Return an expression with single blanks between its five fields.

    Takes a fifth of a second at most, whatever the expression: it is short, and what is never due is given up.

    Args:
        expression: Minute, hour, day of month, month and day of week, as crontab(5) has them.
        least_interval_s: How much time must at least lie between two due times, in seconds.

    Raises:
        ScheduleError: It is longer than ``SCHEDULE_CHARS``, is no such expression, is never due, or is due too often.
    """
    if len(expression) > SCHEDULE_CHARS:
        raise ScheduleError(f"{len(expression)} characters; a schedule has at most {SCHEDULE_CHARS}")
    text = " ".join(expression.split())
    if _FIELDS.fullmatch(text) is None:
        raise ScheduleError(
            f"{expression!r:.60} is no schedule: write minute, hour, day of month, month and day of week, "
            "for example '30 3 * * MON'"
        )
    try:
        parsed = CronSim(text, _SOME_DAY)
        rests = [later - earlier for earlier, later in pairwise([_SOME_DAY, *islice(parsed, 2)])]
    except CronSimError as error:
        raise ScheduleError(f"{text!r:.60} is no schedule: {str(error).lower()}") from None
    if len(rests) < 2 or max(rests) > _LONGEST_REST:  # to find such a time would take long, each time
        raise ScheduleError(f"{text!r:.60} is not due within {_LONGEST_REST.days // 365} years")
    interval_s = _shortest_interval_s(parsed)
    if interval_s < least_interval_s:
        raise ScheduleError(f"{text!r:.60} is due every {interval_s} seconds; the least is {least_interval_s}")
    return text


@lru_cache(maxsize=4096)
def next_due(expression: str, zone: tzinfo, after: datetime) -> datetime | None:
    """Return the first due time after a moment, in UTC, or ``None`` when there is none in fifty years.

    Where clocks are set forward, a fixed time that does not exist is due at the moment when the gap ends, once. Where
    they are set back, a fixed time that comes twice is due the first time only. An expression whose minute or hour
    begins with ``*`` goes by the clock on the wall and the time that really passes: it is due in both of the hours
    that have the same name, and not in one that there is not.

    Args:
        expression: What ``check_schedule`` returned.
        zone: The time zone that its fields are about.
        after: An aware moment; the due time lies after it, never on it.
    """
    for found in islice(CronSim(expression, after.astimezone(zone)), _MOST_STEPS):
        due = found.astimezone(UTC)
        if due > after:
            return due
    return None


def _shortest_interval_s(parsed: CronSim) -> int:
    """Return what lies between two due times of one day, or of two days in a row, in seconds, at least."""
    minutes = sorted(hour * 60 + minute for hour in parsed.hours for minute in parsed.minutes)
    pairs = zip(minutes, [*minutes[1:], minutes[0] + _DAY_MINUTES], strict=True)
    return 60 * min(later - earlier for earlier, later in pairs)
