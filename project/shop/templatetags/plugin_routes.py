"""Lets a page link to a plugin's page only while there is one."""

from __future__ import annotations

from django import template
from django.db import DatabaseError

from wasm_plugins.registry import find_snapshot

register = template.Library()


@register.simple_tag
def is_served(path: str) -> bool:
    """Tell whether an enabled plugin serves a route; while the database is away, the page that says so has no link."""
    try:
        return path in find_snapshot().routes
    except DatabaseError:
        return False
