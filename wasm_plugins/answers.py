"""Turns what a handler answers into a response that cannot act in the site's name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpResponse
from django.utils.cache import patch_vary_headers

from .answer_headers import caching, checked_headers
from .conf import conf
from .exceptions import AnswerRefused, LimitExceeded
from .exchange import refuse_constant
from .runtime.log import CallLog

_TEXT: Final = "text/plain; charset=utf-8"
_BYTES: Final = "application/octet-stream"
_PAGE: Final = "text/html; charset=utf-8"

CONTENT_TYPES: Final[Mapping[str, str]] = {
    "application/json": "application/json",
    "application/problem+json": "application/problem+json",
    "image/avif": "image/avif",
    "image/gif": "image/gif",
    "image/jpeg": "image/jpeg",
    "image/png": "image/png",
    "image/webp": "image/webp",
    "text/csv": "text/csv; charset=utf-8",
    "text/plain": _TEXT,
}
"""Types that nothing runs of, as they are sent: parameters are the host's, so that no charset makes another text."""

DOWNLOADS: Final = frozenset({_BYTES, "application/pdf", "application/zip"})
"""Types that a browser saves and never shows."""

_BODILESS: Final = frozenset({204, 205, *range(300, 400)})

_ALWAYS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NO_ACTS: Final = "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
POLICY: Final = f"sandbox; default-src 'none'; {_NO_ACTS}"
PAGE_POLICY: Final = f"sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; {_NO_ACTS}"
"""For HTML: a page of an origin of its own, without scripts and forms, that loads nothing.

A form could not be used anyway: its POST would come from the origin ``null``, which Django's CSRF check refuses.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one answer may be."""

    export: str
    """The handler, for errors."""

    may_be_html: bool = False
    """Whether the capability ``html`` was granted."""

    is_cacheable: bool = False
    """Whether anybody may see it and nobody is logged in, so that the plugin says how long it is kept."""

    is_head: bool = False


def json_response(answer: str | None, log: CallLog, terms: Terms) -> HttpResponse:
    """Return the response for a handler of the seed's type.

    Raises:
        AnswerRefused: The answer is no JSON.
        LimitExceeded: It is over the limit.
    """
    text = "null" if answer is None else answer
    _check_size(text, terms.export)  # before it is parsed: 30 MB of JSON are 700 MB of Python
    try:
        json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        raise AnswerRefused(f"{terms.export} answered a text that is no JSON", export=terms.export) from None
    response = HttpResponse(text, content_type="application/json")
    response["Cache-Control"] = caching(None, is_cacheable=False)
    return _sized(make_harmless(response), terms)


def http_response(answer: Mapping[str, Any], log: CallLog, terms: Terms) -> HttpResponse:
    """Return the response for the ``response`` record of ``plugins-manager:common/http``; what it drops is logged.

    Raises:
        AnswerRefused: The status or a header is none that a plugin may send.
        LimitExceeded: The body, or the headers, are over the limit.
    """
    status = answer["status"]
    if not 200 <= status <= 599:
        message = f"{terms.export} answered status {status}; it must be from 200 to 599"
        raise AnswerRefused(message, export=terms.export)
    body = answer["body"]
    headers = checked_headers(answer["headers"], terms.export, log)
    content = b"" if body.payload is None else body.payload
    _check_size(content, terms.export)
    content_type = _content_type(headers.pop("content-type", ""), body.case, terms)
    response = HttpResponse(b"" if status in _BODILESS else content, status=status, content_type=content_type)
    response["Cache-Control"] = caching(headers.pop("cache-control", None), is_cacheable=terms.is_cacheable)
    for name, value in headers.items():
        response[name] = value
    if content_type in DOWNLOADS:
        response["Content-Disposition"] = _as_download(headers.get("content-disposition", ""))
    if terms.is_cacheable:
        patch_vary_headers(response, ["Cookie", "Authorization"])  # whoever is logged in may be answered otherwise
    return _sized(make_harmless(response), terms)


def _content_type(wanted: str, case: str, terms: Terms) -> str:
    """Return the type to send: what might run is sent as the text or the bytes that it is."""
    plain = wanted.partition(";")[0].strip()
    if plain == "text/html" and terms.may_be_html:
        return _PAGE
    if plain in DOWNLOADS:
        return plain
    return CONTENT_TYPES.get(plain) or (_BYTES if case == "bytes" else _TEXT)


def _as_download(disposition: str) -> str:
    return "attachment" + disposition.removeprefix("inline").removeprefix("attachment")


def make_harmless(response: HttpResponse) -> HttpResponse:
    """Keep what a plugin wrote from acting in the site's name: no scripts, no guessing, no frames elsewhere."""
    for name, value in _ALWAYS.items():
        response[name] = value
    response["Content-Security-Policy"] = PAGE_POLICY if response.get("Content-Type") == _PAGE else POLICY
    return response


def _sized(response: HttpResponse, terms: Terms) -> HttpResponse:
    """Say how long the body is, so that nobody else has to find out; ``HEAD`` gets the length alone."""
    if response.status_code in _BODILESS:
        del response["Content-Type"], response["Content-Disposition"]
        return response
    response["Content-Length"] = str(len(response.content))
    if terms.is_head:
        response.content = b""
    return response


def _check_size(content: str | bytes, export: str) -> None:
    limit = conf.RESPONSE_BODY_BYTES
    size = len(content)
    if size > limit or (isinstance(content, str) and size * 4 > limit and (size := len(content.encode())) > limit):
        raise LimitExceeded(
            f"{export} answered {size} bytes; the limit response_body_bytes is {limit}",
            export=export,
            limit="response_body_bytes",
        )
