"""Who may call a route, decided before any code of a plugin runs."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.utils.module_loading import import_string

from .conf import conf
from .exceptions import AccessDenied, AuthenticationRequired, MethodNotAllowed
from .snapshot import RouteEntry

_SENT_BY_BROWSERS: Final = frozenset({"basic", "digest", "negotiate", "ntlm", "hoba", "mutual"})
"""Schemes whose credentials a browser sends by itself, as it does cookies (RFC 9110, 11.6.2)."""


def authenticate(request: HttpRequest) -> bool:
    """Give the request the user of its ``Authorization`` header, where the project said who reads such headers.

    A page of another site cannot make a browser send that header, unless the scheme is one of those that browsers fill
    in by themselves: for these, and without the header, the project's function is not asked at all.

    Returns:
        Whether the request proved by itself who sends it, so that it needs no CSRF token.
    """
    scheme = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")[0].lower()
    if conf.AUTHENTICATOR is None or not scheme or scheme in _SENT_BY_BROWSERS:
        return False
    user: Any = import_string(conf.AUTHENTICATOR)(request)
    if user is None or not user.is_authenticated:
        return False
    request.user = user
    return True


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


def check_method(entry: RouteEntry, method: str | None) -> None:
    """Refuse a method that the route does not declare: no ``HEAD`` for its ``GET``, no method from a header.

    Raises:
        MethodNotAllowed: With those that it takes.
    """
    if method not in entry.methods:
        message = f"{entry.path} takes {', '.join(entry.methods)}"
        raise MethodNotAllowed(message, allowed=entry.methods, plugin=entry.plugin.name)
