"""Which paths can be a route's at all; any other is answered by the host, before anything is looked up."""

from __future__ import annotations

import re
from typing import Final

from django.http import HttpRequest

from .exceptions import RouteNotFound
from .manifest import PATH_CHARS

NOTHING_HERE: Final = "nothing is served here"
"""The one text for every path that leads nowhere: it tells nobody which plugins there are."""

_PATH: Final = re.compile(r"/[a-z][a-z0-9]*(-[a-z0-9]+)*(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?")
_HIDDEN: Final = re.compile(r"%(?:[01][0-9a-f]|2[5ef]|3b|5c|7f)", re.IGNORECASE)
"""Percent-encoded controls and ``% . / ; \\``, which decoded would be other segments (RFC 3986, 2.2 and 6.2.2)."""


def check_path(request: HttpRequest, path: str) -> None:
    """Refuse a path that no plugin could declare, and one that is spelt so that others read it differently.

    Only letters, digits and ``. _ ~ -`` between single slashes pass, no segment begins with a dot, and the plugin's
    name is in lower case: so no ``..``, no NUL, no backslash, no bidirectional control. What is percent-encoded is
    seen where the server passes on the address as it came (gunicorn, uWSGI and ASGI servers do).

    Raises:
        RouteNotFound: With the text of a path that nobody serves.
    """
    if len(path) > PATH_CHARS or not _PATH.fullmatch(path) or _HIDDEN.search(_as_it_came(request)):
        raise RouteNotFound(NOTHING_HERE)


def _as_it_came(request: HttpRequest) -> str:
    """Return the path before anybody decoded it, or nothing where the server does not tell."""
    scope = getattr(request, "scope", {})
    raw = scope.get("raw_path") or request.META.get("RAW_URI") or request.META.get("REQUEST_URI") or ""
    text = raw.decode("latin-1") if isinstance(raw, bytes) else str(raw)
    return text.partition("?")[0]
