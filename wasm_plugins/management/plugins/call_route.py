"""``plugins call-route``: call a plugin's route by hand, as a user or as nobody, without a web server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.management.base import CommandParser
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from ...exceptions import RouteNotFound
from ...manager import get_plugin_manager
from ...models import Route
from ...runtime.json_values import is_json
from .answer import Answer, Usage
from .explaining import sleep_explained, why_silent

HELP: Final = "Call a plugin's route, and show what it answers."


def add_arguments(parser: CommandParser) -> None:
    """Take the method, the path, a body and a user."""
    parser.add_argument("method", metavar="METHOD", help="For example GET.")
    parser.add_argument("path", metavar="PATH", help="The route, for example /loyalty/points?order=1.")
    parser.add_argument("--data", metavar="TEXT", help="The body: JSON, or any other text.")
    parser.add_argument("--user", metavar="NAME", help="Who calls; nobody, if not given.")


def run(options: Mapping[str, Any]) -> Answer:
    """Call it; an answer with an error status is a failure of the command."""
    request = _request(options["method"].upper(), options["path"], options["data"])
    request.user = AnonymousUser() if options["user"] is None else _user(options["user"])
    response = _called(request)
    body = response.content.decode(errors="replace")
    data = {"status": response.status_code, "headers": dict(response.items()), "body": _parsed(response, body)}
    problem = f"the plugin answered status {response.status_code}" if response.status_code >= 400 else ""
    return Answer(data, body, problem)


def _called(request: HttpRequest) -> HttpResponse:
    """Call the route; of a path that leads nowhere an operator may know what a visitor may not."""
    try:
        with sleep_explained():
            return get_plugin_manager().call_route(request)
    except RouteNotFound as error:
        row = Route.objects.filter(path=request.path_info, is_declared=True).select_related("plugin").first()
        if row is None:
            raise
        why = why_silent(row.plugin.name) or "this route is switched off in the admin"
        raise RouteNotFound(why, plugin=row.plugin.name) from error


def _request(method: str, path: str, body: str | None) -> HttpRequest:
    if not path.startswith("/"):
        raise Usage(f"{path}: a path begins with a slash")
    content_type = "application/json" if body is None or is_json(body) else "text/plain"
    request: HttpRequest = RequestFactory().generic(method, path, body or "", content_type=content_type)
    return request


def _user(name: str) -> Any:
    found = get_user_model()._default_manager.filter(**{get_user_model().USERNAME_FIELD: name}).first()
    if found is None:
        raise Usage(f"--user {name}: there is no such user")
    return found


def _parsed(response: HttpResponse, body: str) -> Any:
    if response.headers.get("Content-Type", "").startswith("application/json"):
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            return body
    return body
