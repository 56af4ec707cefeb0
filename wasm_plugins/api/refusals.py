"""What the API refuses, and how each error is told: JSON with a code that stays the same."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from django.http import HttpResponse, JsonResponse

from .. import exceptions as errors
from ..answers import make_harmless
from ..failure_text import failure_text

logger = logging.getLogger(__name__)

STATUS_OF_CODE: Final[Mapping[str, int]] = {
    "token-missing": 401,
    "token-refused": 401,
    "token-expired": 401,
    "not-allowed": 403,
    "not-found": 404,
    "plugin-not-found": 404,
    "method-not-allowed": 405,
    "length-required": 411,
    "body-too-large": 413,
    "body-unreadable": 400,
    "body-refused": 400,
    "too-many-requests": 429,
    "server-busy": 503,
    "database-lost": 503,
}
"""HTTP status by the codes of the API itself."""

STATUS_OF: Final[Mapping[type[errors.PluginError], int]] = {
    errors.SecondPersonNeeded: 403,
    errors.SafeModeOn: 503,
    errors.ArtifactError: 503,
    errors.PluginError: 422,
}
"""HTTP status of what is wrong with a plugin; the nearest class counts."""

_RETRY_AFTER_S: Final = 5


class Refusal(Exception):
    """The API does not do what was asked. The caller must act.

    Attributes:
        code: A key of ``STATUS_OF_CODE``.
        headers: What the response has beside.
    """

    def __init__(self, code: str, message: str, *, plugin: str | None = None, **headers: str) -> None:
        super().__init__(message)
        self.code = code
        self.plugin = plugin
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def refusal_response(refusal: Refusal) -> HttpResponse:
    """Return the response to what was refused."""
    headers = dict(refusal.headers)
    status = STATUS_OF_CODE[refusal.code]
    if status == 401:
        headers.setdefault("WWW-Authenticate", 'Bearer realm="plugins"')  # RFC 6750, section 3
    if status == 503:
        headers.setdefault("Retry-After", str(_RETRY_AFTER_S))
    return _response(refusal.code, str(refusal), refusal.plugin, status, headers)


def error_response(error: errors.PluginError) -> HttpResponse:
    """Return the response for what is wrong with a plugin, in the words that its author needs.

    What the storage or the machine had to do with it is for the project's log alone.
    """
    status = next(STATUS_OF[each] for each in type(error).__mro__ if each in STATUS_OF)
    message, headers = error.message, {}
    if status == 503:
        headers["Retry-After"] = str(_RETRY_AFTER_S)
        if isinstance(error, errors.ArtifactError):
            logger.warning("%s", failure_text(error))
            message = "the server could not keep or load the plugin; its log says why"
    return _response(error.code, message, error.plugin, status, headers)


def json_response(data: Mapping[str, object], status: int = 200) -> HttpResponse:
    """Return an answer that no cache keeps and no browser takes for a page."""
    response = JsonResponse(data, status=status)
    response["Cache-Control"] = "private, no-store"
    return make_harmless(response)


def _response(code: str, message: str, plugin: str | None, status: int, headers: Mapping[str, str]) -> HttpResponse:
    response = json_response({"error": {"plugin": plugin, "code": code, "message": message}}, status)
    for name, value in headers.items():
        response[name] = value
    return response
