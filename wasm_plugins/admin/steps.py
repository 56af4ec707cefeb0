"""The way from an upload to a plugin that runs: four pages, each of which can be left and come back to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..models import PluginVersion
from .subpages import page_url

_STEPS: Final[tuple[tuple[str, Promise], ...]] = (
    ("upload", _("Upload")),
    ("report", _("Report")),
    ("consent", _("Consent")),
    ("enable", _("Enable")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One of the four, as the bar at the top of each page shows it."""

    label: str | Promise
    url: str
    """Empty where there is nothing to go to (yet)."""
    is_here: bool
    is_done: bool


def steps_of(here: str, version: PluginVersion | None, current_app: str) -> list[Step]:
    """Return the four steps as one page shows them.

    Args:
        here: Which of them the page is.
        version: What it is about; ``None`` before there is one.
        current_app: The admin site that the page belongs to.
    """
    names = [name for name, _ in _STEPS]
    place = names.index(here)
    return [
        Step(
            label=label,
            url="" if index == place else _url(name, version, current_app),
            is_here=index == place,
            is_done=index < place,
        )
        for index, (name, label) in enumerate(_STEPS)
    ]


def is_serving(version: PluginVersion) -> bool:
    """Tell whether a version is its plugin's current one, and the plugin is on."""
    return version.plugin.is_enabled and version.plugin.current_version_id == version.pk


def _url(name: str, version: PluginVersion | None, current_app: str) -> str:
    if version is None or name == "upload":
        return ""
    if name != "report" and version.state != PluginVersion.State.VERIFIED:
        return ""
    return page_url(f"version_{name}", version.pk, current_app=current_app)
