"""Turns an HTTP request into what a handler takes, and what it answers into a response."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from .conf import conf
from .exceptions import AnswerRefused, BodyNotJson, BodyTooLarge, LimitExceeded
from .runtime.values import Variant

PASSED_REQUEST_HEADERS: Final = frozenset(
    {
        "accept",
        "accept-language",
        "content-type",
        "if-modified-since",
        "if-none-match",
        "referer",
        "user-agent",
    }
)
"""What a plugin sees of a request: never cookies, credentials, or what a proxy says of the caller."""

PASSED_RESPONSE_HEADERS: Final = frozenset(
    {
        "cache-control",
        "content-disposition",
        "content-language",
        "content-type",
        "etag",
        "last-modified",
        "vary",
    }
)
"""What a plugin may say of its answer: nothing that touches the session, the connection or another page."""

_MOST_HEADERS: Final = 64
_HEADER_CHARS: Final = 4_096
_HEADER_VALUE: Final = re.compile(r"[\x20-\x7e\xa0-\xff]*")  # RFC 9110, 5.5, without tabs
_BODILESS: Final = frozenset({204, 205, 304})
_CONTENT_TYPES: Final = {
    "empty": "text/plain; charset=utf-8",
    "text": "text/plain; charset=utf-8",
    "bytes": "application/octet-stream",
}
"""What an answer is sent as that does not say itself."""


def claims_of(user: Any) -> dict[str, Any]:
    """Say who calls, as far as a plugin may know."""
    known = user is not None and user.is_authenticated
    return {
        "sub": str(user.pk) if known else None,
        "username": user.get_username() if known else "",
        "is_authenticated": bool(known),
        "is_staff": bool(known and user.is_staff),
        "is_superuser": bool(known and user.is_superuser),
    }


def read_body(request: HttpRequest) -> bytes:
    """Return the request's body.

    Raises:
        BodyTooLarge: It is over the limit.
    """
    limit = conf.REQUEST_BODY_BYTES
    declared = request.META.get("CONTENT_LENGTH") or "0"
    if declared.isdigit() and int(declared) > limit:
        raise BodyTooLarge(f"{declared} bytes; the limit request_body_bytes is {limit}")
    body = request.body
    if len(body) > limit:
        raise BodyTooLarge(f"{len(body)} bytes; the limit request_body_bytes is {limit}")
    return body


def json_input(request: HttpRequest, path: str) -> str:
    """Return the JSON text for a handler of the seed's type; the host's own keys are set last, so none is forged.

    Raises:
        BodyNotJson: The body is something else than a JSON object.
        BodyTooLarge: It is over the limit.
    """
    body = read_body(request)
    data = _object_of(body) if body.strip() else {}
    data["request"] = {
        "method": request.method,
        "path": path,
        "query": {name: request.GET.getlist(name) for name in request.GET},
    }
    data["claims"] = claims_of(request.user)
    return json.dumps(data)


def _object_of(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise BodyNotJson("the body must be a JSON object in UTF-8") from None
    if not isinstance(data, dict):
        raise BodyNotJson(f"the body must be a JSON object, not {type(data).__name__}")
    return data


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")  # RFC 8259 knows neither NaN nor Infinity


def http_input(request: HttpRequest, path: str) -> dict[str, Any]:
    """Return the ``request`` record of ``plugins-manager:common/http``."""
    body = read_body(request)
    return {
        "method": request.method,
        "path": path,
        "query": [(name, value) for name, values in request.GET.lists() for value in values],
        "headers": [
            (name.lower(), value) for name, value in request.headers.items() if name.lower() in PASSED_REQUEST_HEADERS
        ],
        "body": _body_variant(body),
        "claims": json.dumps(claims_of(request.user)),
    }


def _body_variant(body: bytes) -> Variant:
    if not body:
        return Variant("empty")
    try:
        return Variant("text", body.decode())
    except UnicodeDecodeError:
        return Variant("bytes", body)


def json_response(answer: str | None, *, export: str) -> HttpResponse:
    """Return the response for a handler of the seed's type.

    Raises:
        AnswerRefused: The answer is no JSON.
        LimitExceeded: It is over the limit.
    """
    text = "null" if answer is None else answer
    _check_size(text, export)  # before it is parsed: 30 MB of JSON are 700 MB of Python
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise AnswerRefused(f"{export} answered a text that is no JSON", export=export) from None
    return _harmless(HttpResponse(text, content_type="application/json"))


def http_response(answer: Mapping[str, Any], *, export: str) -> HttpResponse:
    """Return the response for the ``response`` record of ``plugins-manager:common/http``.

    Raises:
        AnswerRefused: The status or a header is none that a plugin may send.
        LimitExceeded: The body is over the limit.
    """
    status = answer["status"]
    if not 200 <= status <= 599:
        raise AnswerRefused(f"{export} answered status {status}; it must be from 200 to 599", export=export)
    body = answer["body"]
    content = b"" if body.payload is None or status in _BODILESS else body.payload
    _check_size(content, export)
    response = HttpResponse(content, status=status, content_type=_CONTENT_TYPES[body.case])
    for name, value in _checked_headers(answer["headers"], export):
        response[name] = value
    return _harmless(response)


def _check_size(content: str | bytes, export: str) -> None:
    limit = conf.RESPONSE_BODY_BYTES
    size = len(content)
    if size > limit or (isinstance(content, str) and size * 4 > limit and (size := len(content.encode())) > limit):
        raise LimitExceeded(
            f"{export} answered {size} bytes; the limit response_body_bytes is {limit}",
            export=export,
            limit="response_body_bytes",
        )


def _checked_headers(headers: list[tuple[str, str]], export: str) -> list[tuple[str, str]]:
    if len(headers) > _MOST_HEADERS:
        raise AnswerRefused(f"{export} answered {len(headers)} headers; the limit is {_MOST_HEADERS}", export=export)
    for name, value in headers:
        if len(value) > _HEADER_CHARS or not _HEADER_VALUE.fullmatch(value):
            raise AnswerRefused(f"{export} answered a header {name[:40]!r} with a value that is none", export=export)
    return [(name, value) for name, value in headers if name.lower() in PASSED_RESPONSE_HEADERS]


def _harmless(response: HttpResponse) -> HttpResponse:
    """Keep what a plugin wrote from acting in the site's name: no scripts, no guessing, no shared caches."""
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    response.setdefault("Cache-Control", "private, no-store")
    return response
