"""How the pages show what plugins wrote and how plugins stand: bounded, escaped, in words beside colours."""

from __future__ import annotations

from typing import Final

from django.template.defaultfilters import truncatechars
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ..models import Plugin, PluginVersion
from ..states import PluginState

_SHORT_CHARS: Final = 200


def shortened(text: str) -> str:
    """Return the beginning of a text, in one line."""
    return str(truncatechars(" ".join(text.split()), _SHORT_CHARS))


def badge(state: PluginState) -> SafeString:
    """Return a state in words, which the style gives a colour."""
    return format_html('<span class="plugin-state plugin-state-{}">{}</span>', state.value, state.label)


def refused_version(plugin: Plugin) -> PluginVersion | None:
    """Return the newest version if it was refused and none that is current came later, else ``None``."""
    newest = next(iter(plugin.versions.all()), None)  # newest first, by the model's ordering
    if newest is None or newest.state != PluginVersion.State.REFUSED:
        return None
    current = plugin.current_version
    return newest if current is None or current.number < newest.number else None
