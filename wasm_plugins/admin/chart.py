"""The calls of a plugin in the last day as a small picture: made here, coloured by the page, told in words as well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..models import CallCount

HOURS: Final = 24
_BAR: Final = 4
_GAP: Final = 1
_HEIGHT: Final = 28
_WIDTH: Final = HOURS * (_BAR + _GAP) - _GAP


@dataclass(frozen=True, slots=True)
class Hour:
    """What was counted in one hour."""

    begins: datetime
    calls: int = 0
    failures: int = 0


Day = Sequence[Hour]
"""24 hours, the last one that of now."""


def days_of(names: Iterable[str], now: datetime | None = None) -> Mapping[str, Day]:
    """Return the last day of each plugin by name; one query for all of them.

    Args:
        names: The plugins' names.
        now: When the day ends, for tests.
    """
    last = (now or timezone.now()).replace(minute=0, second=0, microsecond=0)
    hours = [last - timedelta(hours=back) for back in range(HOURS - 1, -1, -1)]
    wanted = list(names)
    rows = CallCount.objects.filter(hour__gte=hours[0], plugin__in=wanted)
    counted = {
        (name, hour): Hour(hour, calls, failures)
        for name, hour, calls, failures in rows.values_list("plugin", "hour", "calls", "failures")
    }
    return {name: [counted.get((name, hour), Hour(hour)) for hour in hours] for name in wanted}


def in_words(day: Day, *, names_period: bool = False) -> str:
    """Say how many calls there were, and how many of them failed.

    Args:
        day: What was counted.
        names_period: Whether the words say when; where a heading does, they need not.
    """
    calls, failures = sum(hour.calls for hour in day), sum(hour.failures for hour in day)
    if not calls:
        return _("no calls in the last 24 hours") if names_period else _("no calls")
    if names_period:
        words = ngettext("%(calls)d call in the last 24 hours", "%(calls)d calls in the last 24 hours", calls)
    else:
        words = ngettext("%(calls)d call", "%(calls)d calls", calls)
    words %= {"calls": calls}
    return words + (_(", %(failures)d failed") % {"failures": failures} if failures else "")


def chart_of(day: Day, *, names_period: bool = False) -> SafeString:
    """Draw a day: a bar for each hour, and in it, from below, those calls that failed; without calls, only words.

    Args:
        day: What was counted.
        names_period: Whether the words beside it say when; where a heading does, they need not.
    """
    words = in_words(day, names_period=names_period)
    highest = max(day, key=lambda hour: hour.calls)
    if not highest.calls:
        return format_html('<span class="plugin-day">{}</span>', words)
    told = _("The last 24 hours: %(words)s. Most in one hour: %(most)d, from %(hour)s") % {
        "words": in_words(day),
        "most": highest.calls,
        "hour": _clock(highest),
    }
    return format_html(
        '<span class="plugin-day"><svg class="plugin-chart" role="img" aria-label="{}" viewBox="0 0 {} {}" '
        'width="{}" height="{}"><title>{}</title>{}</svg> <span>{}</span></span>',
        *(told, _WIDTH, _HEIGHT, _WIDTH, _HEIGHT, told),
        format_html_join("", "{}", ((_bar(at, hour, highest.calls),) for at, hour in enumerate(day))),
        words,
    )


def _bar(at: int, hour: Hour, most: int) -> SafeString:
    x = at * (_BAR + _GAP)
    if not hour.calls:
        return _rectangle("empty", x, 1)
    high = max(2, round(hour.calls * _HEIGHT / most))
    failed = min(high, max(2, round(hour.failures * _HEIGHT / most))) if hour.failures else 0
    return format_html("{}{}", _rectangle("calls", x, high), _rectangle("failures", x, failed) if failed else "")


def _rectangle(kind: str, x: int, high: int) -> SafeString:
    return format_html(
        '<rect class="plugin-chart-{}" x="{}" y="{}" width="{}" height="{}"/>', kind, x, _HEIGHT - high, _BAR, high
    )


def _clock(hour: Hour) -> str:
    return date_format(localtime(hour.begins), "TIME_FORMAT")
