"""Who may call a route, decided before any code of a plugin runs."""

from __future__ import annotations

from typing import Any

from .exceptions import AccessDenied, AuthenticationRequired
from .snapshot import RouteEntry


def check_access(entry: RouteEntry, user: Any) -> None:
    """Refuse a caller that the route is not for.

    Raises:
        AuthenticationRequired: Nobody is logged in.
        AccessDenied: Somebody is, but may not.
    """
    if entry.access == "public":
        return
    if not user.is_authenticated or not user.is_active:
        raise AuthenticationRequired(f"{entry.path} is for users who are logged in", plugin=entry.plugin.name)
    if entry.access == "authenticated":
        return
    allowed = user.is_staff if entry.access == "staff" else user.has_perm(entry.access)
    if not allowed:
        raise AccessDenied(f"{entry.path} is not for this user", plugin=entry.plugin.name)
