"""Where a plugin stands among those that answer the same hook."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ..models import Hook, Plugin
from ..registry import find_snapshot

_MOST_SHOWN = 20

Place = tuple[int, str, bool]
"""Priority, plugin, and whether it answers now: what is sorted by, in the order of answering."""


def orders_of(plugin: Plugin) -> Mapping[str, list[Place]]:
    """Return, for each hook of a plugin, all plugins that answer it and this one, in their order; one query."""
    names = {hook.name for hook in plugin.hooks.all()}
    answering = find_snapshot().hooks
    found: defaultdict[str, list[Place]] = defaultdict(list)
    rows = Hook.objects.filter(name__in=names, is_declared=True).select_related("plugin")
    for row in rows:
        answers = row.plugin.name in {each.name for each in answering.get(row.name, ())}
        if answers or row.plugin_id == plugin.pk:
            priority = row.declared_priority if row.priority is None else row.priority
            found[row.name].append((priority, row.plugin.name, answers))
    return {name: sorted(places) for name, places in found.items()}


def in_words(places: Iterable[Place], own: str) -> SafeString:
    """Show an order as numbered names, with the plugin's own place marked and told."""
    shown = list(places)
    rest = len(shown) - _MOST_SHOWN
    numbered = ((at, _name(place, own)) for at, place in enumerate(shown[:_MOST_SHOWN], 1))
    lines = format_html_join(SafeString("<br>"), "{}. {}", numbered)
    more = format_html("<br>{}", _("and %(count)d more") % {"count": rest}) if rest > 0 else ""
    return format_html("{}{}", lines, more) if shown else SafeString("–")


def _name(place: Place, own: str) -> SafeString:
    priority, name, answers = place
    if name != own:
        return format_html("{} ({})", name, priority)
    note = _("this plugin") if answers else _("this plugin, which does not answer now")
    return format_html("<strong>{}</strong> ({}, {})", name, priority, note)
