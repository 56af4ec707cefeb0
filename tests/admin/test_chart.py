"""The chart of a plugin's day: what it shows, what it says in words, and what it costs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from wasm_plugins.admin.chart import HOURS, chart_of, days_of, in_words
from wasm_plugins.models import CallCount

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 4, 12, 34, tzinfo=UTC)


def _count(hours_ago: int, calls: int, failures: int = 0, plugin: str = "greeter") -> None:
    hour = NOW.replace(minute=0) - timedelta(hours=hours_ago)
    CallCount.objects.create(hour=hour, plugin=plugin, calls=calls, failures=failures)


def test_a_day_has_24_hours_and_ends_now() -> None:
    for hours_ago in (0, 23, 24, -1):
        _count(hours_ago, 10 ** (hours_ago // 10 + 1))
    day = days_of(["greeter"], NOW)["greeter"]
    assert len(day) == HOURS
    assert (day[0].calls, day[-1].calls, sum(hour.calls for hour in day)) == (1000, 10, 1010)


def test_the_days_of_many_plugins_cost_one_query() -> None:
    names = [f"p{number}" for number in range(50)]
    for name in names:
        _count(1, 3, plugin=name)
    with CaptureQueriesContext(connection) as queries:
        days = days_of(names, NOW)
    assert len(queries) == 1
    assert {in_words(day) for day in days.values()} == {"3 calls"}


def test_it_has_a_bar_for_each_hour_and_says_the_same_in_words() -> None:
    _count(2, 40, 4)
    _count(5, 1)
    chart = chart_of(days_of(["greeter"], NOW)["greeter"])
    assert chart.count('class="plugin-chart-calls"') == 2
    assert chart.count('class="plugin-chart-empty"') == HOURS - 2
    assert chart.count('class="plugin-chart-failures"') == 1
    words = "The last 24 hours: 41 calls, 4 failed. Most in one hour: 40, from 10 a.m."
    assert f'role="img" aria-label="{words}"' in chart
    assert f"<title>{words}</title>" in chart
    assert "<span>41 calls, 4 failed</span>" in chart
    assert "style=" not in chart
    bars = re.findall(r'y="(\d+)".*? height="(\d+)"/', chart)
    assert all(int(y) >= 0 and int(y) + int(high) == 28 for y, high in bars)


def test_of_few_failures_among_many_calls_something_is_seen() -> None:
    _count(0, 1_000_000, 1)
    assert 'class="plugin-chart-failures"' in chart_of(days_of(["greeter"], NOW)["greeter"])


def test_without_calls_there_are_only_words() -> None:
    assert chart_of(days_of(["greeter"], NOW)["greeter"]) == '<span class="plugin-day">no calls</span>'


def test_where_no_heading_names_the_time_the_words_do() -> None:
    chart = chart_of(days_of(["greeter"], NOW)["greeter"], names_period=True)
    assert chart == '<span class="plugin-day">no calls in the last 24 hours</span>'
    _count(2, 1)
    chart = chart_of(days_of(["greeter"], NOW)["greeter"], names_period=True)
    assert "<span>1 call in the last 24 hours</span>" in chart
    assert "The last 24 hours: 1 call. " in chart
