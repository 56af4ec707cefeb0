"""Cron expressions: what is one, how often it may be due, and what happens where clocks change."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from wasm_plugins.cron import SCHEDULE_CHARS, ScheduleError, check_schedule, next_due

NEW_YORK = ZoneInfo("America/New_York")  # forward on 10 March 2024 at 2:00, back on 3 November 2024 at 2:00


def due_between(expression: str, zone: ZoneInfo, first: datetime, last: datetime) -> list[str]:
    """Return all due times after one moment up to another, in the zone's time with its offset."""
    found, after = [], first
    while (due := next_due(check_schedule(expression), zone, after)) is not None and due <= last:
        assert due > after
        found.append(due.astimezone(zone).strftime("%d %H:%M%z"))
        after = due
    return found


@pytest.mark.parametrize(
    "expression",
    ["* * * * *", "*/5 * * * *", "30 3 * * MON", "0 0 29 2 *", "0 9-17/2 1,15 JAN-JUN mon-fri", "0 0 L * *"],
)
def test_an_expression_is_five_fields(expression: str) -> None:
    assert check_schedule(expression) == expression
    assert check_schedule(f"  {expression.replace(' ', '   ')} ") == expression


@pytest.mark.parametrize(
    "expression",
    [
        *("", "daily", "@daily", "* * * *", "* * * * * *", "0 0 0 0 0", "60 * * * *", "* 24 * * *", "*/0 * * * *"),
        *("5-1 * * * *", "* * * FOO *", "* * * * 8", "1/2/3 * * * *", ",, * * * *", "0 0 * * 1#6", "0 0 * * L"),
        *("\N{SUPERSCRIPT TWO} * * * *", "0 0 * * \N{SUPERSCRIPT TWO}L", "0\n0 * * * * *", "0\0 * * * *", "% % % % %"),
        "0 " * 60,
        "1," * 5_000 + "1 * * * *",
    ],
)
def test_anything_else_is_none(expression: str) -> None:
    with pytest.raises(ScheduleError):
        check_schedule(expression)


@pytest.mark.parametrize(
    "expression", ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 * 2 MON#5", "4 */33 */23 * 3#5", "0 0 31 4 */1"]
)
def test_what_is_hardly_ever_or_never_due_is_refused_quickly(expression: str) -> None:
    began = time.process_time()
    with pytest.raises(ScheduleError):
        check_schedule(expression)
    assert time.process_time() - began < 1


def test_the_length_is_bounded() -> None:
    longest = f"{','.join(['0'] * 46)} * * * *"
    assert len(longest) <= SCHEDULE_CHARS < len(longest) + 2
    check_schedule(longest)
    with pytest.raises(ScheduleError):
        check_schedule(f"{','.join(['0'] * 47)} * * * *")


@pytest.mark.parametrize(
    ("expression", "least_interval_s"),
    [
        *(
            ("* * * * *", 60),
            ("*/5 * * * *", 300),
            ("0,10 * * * *", 600),
            ("0 0 * * *", 86_400),
            ("59 23 1 * *", 86_400),
        ),
        *(("0,59 0,23 * * *", 60), ("7/10 * * * *", 600)),
    ],
)
def test_an_expression_may_not_be_due_more_often_than_is_allowed(expression: str, least_interval_s: int) -> None:
    check_schedule(expression, least_interval_s=least_interval_s)
    with pytest.raises(ScheduleError):
        check_schedule(expression, least_interval_s=least_interval_s + 1)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30 1 * * *", ["10 01:30-0500", "11 01:30-0400"]),
        ("30 2 * * *", ["10 03:00-0400", "11 02:30-0400"]),  # there is no 2:30 on the 10th
        ("0,30 2 * * *", ["10 03:00-0400", "11 02:00-0400", "11 02:30-0400"]),
        ("0 3 * * *", ["10 03:00-0400", "11 03:00-0400"]),
        ("0 */12 * * *", ["10 00:00-0500", "10 12:00-0400", "11 00:00-0400", "11 12:00-0400"]),
    ],
)
def test_a_fixed_time_that_does_not_exist_is_due_when_the_gap_ends(expression: str, expected: list[str]) -> None:
    first, last = datetime(2024, 3, 9, 23, 59, tzinfo=NEW_YORK), datetime(2024, 3, 11, 23, tzinfo=NEW_YORK)
    assert due_between(expression, NEW_YORK, first, last) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("30 1 * * *", ["03 01:30-0400", "04 01:30-0500"]),  # it comes twice on the 3rd
        ("0,30 1 * * *", ["03 01:00-0400", "03 01:30-0400", "04 01:00-0500", "04 01:30-0500"]),
        ("0 2 * * *", ["03 02:00-0500", "04 02:00-0500"]),
        (
            "*/30 1 * * *",
            ["03 01:00-0400", "03 01:30-0400", "03 01:00-0500", "03 01:30-0500", "04 01:00-0500", "04 01:30-0500"],
        ),
    ],
)
def test_a_fixed_time_that_comes_twice_is_due_once(expression: str, expected: list[str]) -> None:
    first, last = datetime(2024, 11, 2, 23, 59, tzinfo=NEW_YORK), datetime(2024, 11, 4, 23, tzinfo=NEW_YORK)
    assert due_between(expression, NEW_YORK, first, last) == expected


@pytest.mark.parametrize("day", [datetime(2024, 3, 10, tzinfo=UTC), datetime(2024, 11, 3, tzinfo=UTC)])
def test_what_is_due_each_hour_is_due_each_hour_that_passes(day: datetime) -> None:
    due = next_due("0 * * * *", NEW_YORK, day)
    for hour in range(24):
        assert due == day + timedelta(hours=hour + 1)
        due = next_due("0 * * * *", NEW_YORK, due)


@pytest.mark.parametrize("minute", range(0, 60, 7))
def test_a_due_time_lies_after_the_moment_whatever_that_is_called(minute: int) -> None:
    for hour in range(4, 9):  # around the hour that comes twice
        after = datetime(2024, 11, 3, hour, minute, 13, 7, tzinfo=UTC)
        for expression in ("30 1 * * *", "*/30 1 * * *", "0 2 * * *", "59 0 * * *"):
            due = next_due(expression, NEW_YORK, after)
            assert due is not None and due > after and (due.second, due.microsecond) == (0, 0)


def test_the_time_zone_is_the_one_that_is_asked_for() -> None:
    after = datetime(2026, 1, 1, tzinfo=UTC)
    assert next_due("0 9 * * *", ZoneInfo("Asia/Tokyo"), after) == datetime(2026, 1, 2, tzinfo=UTC)
    assert next_due("0 9 * * *", ZoneInfo("UTC"), after) == datetime(2026, 1, 1, 9, tzinfo=UTC)
