"""The request of a trial: as somebody's browser or program would send it to a route, without a server."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.test import RequestFactory

from .target import RouteCall


def request_of(target: RouteCall, user: Any) -> HttpRequest:
    """Return a request for a route on behalf of a user, without cookies, a session or anybody's credentials."""
    request: HttpRequest = RequestFactory().generic(
        target.method, target.path, target.body, content_type=target.content_type, QUERY_STRING=target.query
    )
    request.user = user
    return request
