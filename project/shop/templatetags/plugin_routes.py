"""Lets a page link to a plugin's page only while there is one."""

from __future__ import annotations

from django import template

from wasm_plugins.registry import find_snapshot

register = template.Library()


@register.simple_tag
def is_served(path: str) -> bool:
    """Tell whether an enabled plugin serves a route."""
    return path in find_snapshot().routes
