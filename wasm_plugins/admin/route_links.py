"""Which of a plugin's routes an admin can open with a click: those that answer his GET now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import NoReverseMatch, reverse

from ..access import check_access
from ..exceptions import PluginError
from ..models import Route
from ..snapshot import RouteEntry


def open_url(route: Route, user: Any, served: Mapping[str, RouteEntry]) -> str | None:
    """Return a route's address, or ``None``: it is off, takes no GET, is not for the user, or is not mounted.

    Args:
        route: Which one.
        user: Who would open it.
        served: What is served now, by path.
    """
    entry = served.get(route.path)
    if entry is None or entry.plugin.id != route.plugin_id or "GET" not in entry.methods:
        return None
    try:
        check_access(entry, user)
        return reverse("wasm_plugins:route", args=[route.path.lstrip("/")])
    except (PluginError, NoReverseMatch):
        return None
