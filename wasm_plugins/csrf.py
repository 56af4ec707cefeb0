"""Django's own CSRF check, with an error that a JSON route can answer instead of a page."""

from __future__ import annotations

import logging
from typing import Final, NoReturn

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.middleware.csrf import CsrfViewMiddleware

from .exceptions import CsrfFailed
from .exchange import read_body

logger = logging.getLogger("django.security.csrf")

_TEXT: Final = "the CSRF token is missing or wrong, or the request comes from another origin"


class _Check(CsrfViewMiddleware):
    """The middleware, where a refusal is an error."""

    def _reject(self, request: HttpRequest, reason: str) -> NoReturn:
        logger.warning("Forbidden (%s): %s", ascii(reason)[:300], request.path)
        raise CsrfFailed(_TEXT)


def _no_response(request: HttpRequest) -> HttpResponse:
    raise AssertionError("the check never asks for a response")


def check_csrf(request: HttpRequest) -> None:
    """Refuse an unsafe method that no page of this site sent; what the project's middleware has checked passes.

    The body is read, within its limit, before a token is looked for in it: a form with files could not be read after.

    Raises:
        CsrfFailed: The token is missing or wrong, the origin is another, or the form that should hold it is none.
        BodyTooLarge: The body is over the limit.
        BodyUnreadable: It did not arrive whole.
    """
    read_body(request)
    check = _Check(_no_response)
    check.process_request(request)
    try:
        check.process_view(request, _no_response, (), {})
    except (BadRequest, SuspiciousOperation, MultiPartParserError):
        raise CsrfFailed(_TEXT) from None
