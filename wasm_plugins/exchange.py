"""Turns an HTTP request into what a handler takes."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import HttpRequest, UnreadablePostError

from .conf import conf
from .exceptions import BodyNotJson, BodyTooLarge, BodyUnreadable, QueryTooLong
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

QUERY_CHARS: Final = 8_192
_NO_OBJECT: Final = "the body must be a JSON object in UTF-8"
_NOT_WHOLE: Final = "the body did not arrive whole"


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
    """Return the request's body, as it came: one that is compressed stays so.

    Blocks while the client sends it; how long that may take is up to the server.

    Raises:
        BodyTooLarge: It is over the limit.
        BodyUnreadable: It did not arrive whole, or says not how long it is.
    """
    limit = conf.REQUEST_BODY_BYTES
    if _declared_bytes(request) > limit:
        raise BodyTooLarge(f"more bytes than the limit: request_body_bytes is {limit}")
    try:
        if _is_chunked(request):
            _take_chunks(request, limit)
        body = request.body
    except RequestDataTooBig:
        raise BodyTooLarge("more bytes than the limit: DATA_UPLOAD_MAX_MEMORY_SIZE of this site") from None
    except (UnreadablePostError, OSError):
        raise BodyUnreadable(_NOT_WHOLE) from None
    if len(body) > limit:
        raise BodyTooLarge(f"more bytes than the limit: request_body_bytes is {limit}")
    return body


def _declared_bytes(request: HttpRequest) -> int:
    try:
        declared = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        declared = -1
    if declared < 0:
        raise BodyUnreadable("Content-Length is no number of bytes")
    return declared


def _is_chunked(request: HttpRequest) -> bool:
    """Tell whether a body without a length is still to be read: under WSGI, Django takes it for an empty one."""
    is_read = hasattr(request, "_body") or not hasattr(request, "environ")
    return not is_read and not request.META.get("CONTENT_LENGTH") and "HTTP_TRANSFER_ENCODING" in request.META


def _take_chunks(request: Any, limit: int) -> None:
    """Read such a body, a byte over the limit at most, where the server marks its end."""
    if not request.environ.get("wsgi.input_terminated"):
        raise BodyUnreadable("the body says not how long it is: send Content-Length")
    found = bytearray()
    while len(found) <= limit and (piece := request.environ["wsgi.input"].read(limit + 1 - len(found))):
        found += piece
    request.META["CONTENT_LENGTH"] = str(len(found))
    request._stream = BytesIO(found)


def read_query(request: HttpRequest) -> dict[str, list[str]]:
    """Return the query string's parameters, decoded.

    Raises:
        QueryTooLong: There are more of them, or more characters, than is taken.
    """
    if len(request.META.get("QUERY_STRING", "")) > QUERY_CHARS:
        raise QueryTooLong(f"the query string has more than {QUERY_CHARS} characters")
    try:
        return dict(request.GET.lists())
    except TooManyFieldsSent:
        raise QueryTooLong("the query string has too many parameters") from None


def json_input(request: HttpRequest, path: str) -> str:
    """Return the JSON text for a handler of the seed's type; the host's own keys are set last, so none is forged.

    Raises:
        BodyNotJson: The body is something else than a JSON object.
        BodyTooLarge: It is over the limit.
        BodyUnreadable: It did not arrive whole.
        QueryTooLong: The query string is over the limit.
    """
    query = read_query(request)
    body = read_body(request)
    data = _object_of(body) if body.strip() else {}
    data["request"] = {"method": request.method, "path": path, "query": query}
    data["claims"] = claims_of(request.user)
    try:
        return json.dumps(data, allow_nan=False)
    except (ValueError, RecursionError):  # 1e999 was read as infinity; what was just not too deep may be now
        raise BodyNotJson(_NO_OBJECT) from None


def _object_of(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body.decode(), parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        raise BodyNotJson(_NO_OBJECT) from None
    if not isinstance(data, dict):
        raise BodyNotJson(_NO_OBJECT)
    return data


def refuse_constant(name: str) -> None:
    """Refuse what Python's parser takes for a number and RFC 8259 does not know: NaN and the infinities."""
    raise ValueError(f"{name} is no JSON")


def http_input(request: HttpRequest, path: str) -> dict[str, Any]:
    """Return the ``request`` record of ``plugins-manager:common/http``.

    Raises:
        BodyTooLarge: The body is over the limit.
        BodyUnreadable: It did not arrive whole.
        QueryTooLong: The query string is over the limit.
    """
    query = read_query(request)
    body = read_body(request)
    return {
        "method": request.method,
        "path": path,
        "query": [(name, value) for name, values in query.items() for value in values],
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
