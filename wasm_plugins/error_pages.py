"""What a person, rather than a program, sees of an error on a plugin's route: a page of the project's own."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.template.loader import select_template
from django.utils.translation import gettext as _

TEMPLATE: Final = "wasm_plugins/route_error.html"
"""For every status of which the project has no page such as ``404.html``; a project may have its own of this name."""

_JSON: Final = "application/json"
_HTML: Final = "text/html"

logger = logging.getLogger(__name__)


def wants_page(request: HttpRequest) -> bool:
    """Tell whether whoever asks would rather have a page than JSON (RFC 9110, 12.5.1); who takes all gets JSON."""
    return request.get_preferred_type([_JSON, _HTML]) == _HTML


def error_page(request: HttpRequest, status: int, said: Mapping[str, Any]) -> HttpResponse | None:
    """Return the project's page for a status, or ``None`` where its template fails, which is logged.

    The template is ``<status>.html``, or else ``wasm_plugins/route_error.html``. It gets what Django's own error pages
    get, ``exception`` and ``request_path``, and ``status``, ``reason``, ``message``, ``code``, ``plugin`` and
    ``retry_after_s``. As in Django, a page for a status from 500 on is rendered without the request: what broke might
    be the database that a context processor asks.

    Args:
        request: The request.
        status: HTTP status of the error.
        said: ``plugin``, ``code`` and ``message``, as the JSON body has them, and ``retry_after_s``.
    """
    context = {**said, "status": status, "reason": _reason(status)}
    context |= {"exception": said["message"], "request_path": request.path}
    try:
        page = select_template([f"{status}.html", TEMPLATE]).render(context, None if status >= 500 else request)
    except Exception:  # whatever a project's template, tag or context processor raises
        logger.exception("the page for status %d could not be rendered: JSON is answered", status)
        return None
    response = HttpResponse(page, status=status)
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _reason(status: int) -> str:
    """Say in a few words what a status means to whoever meets it."""
    words = {
        400: _("This request cannot be understood"),
        401: _("Please log in"),
        403: _("You may not open this page"),
        404: _("There is no such page"),
        405: _("This page cannot be used like that"),
        413: _("What you sent is too large"),
        414: _("This address is too long"),
        422: _("This was not accepted"),
        502: _("This page does not work just now"),
        503: _("This page is not available just now"),
        504: _("This page took too long"),
    }
    return words.get(status) or HTTPStatus(status).phrase
