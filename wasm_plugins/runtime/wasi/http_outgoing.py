"""The resources of ``wasi:http`` that a plugin makes a request of: the request, its body, its options."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ..handles import HostResource
from ..linker import HostFunction
from ..state import CallState
from ..values import Err, Ok, Variant
from ..wit import STRING, U64, OptionOf, ResultOf, WitType
from .http_fields import Fields
from .http_types import ERROR_CODE, METHOD, SCHEME, HttpFailed
from .resources import BORROW, OWN, RESOURCES, expect, method, signature
from .streams import OutputStream

TARGET_CHARS: Final = 8_192
"""Longest path with its query, scheme or authority, in characters."""

TIMEOUTS: Final = ("connect-timeout", "first-byte-timeout", "between-bytes-timeout")

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}")  # RFC 9110, section 9.1


class OutgoingBody(HostResource):
    """A request's body, collected until it is finished; only then is anything sent."""

    resource = RESOURCES["outgoing-body"]

    def __init__(self, limit_bytes: int, content_length: int | None) -> None:
        """Take at most so many bytes, and exactly as many as the headers say, if they do."""
        self._limit_bytes: Final = limit_bytes
        self._content_length: Final = content_length
        self._contents: Final = bytearray()
        self._size = 0
        self.outcome: bytes | HttpFailed | None = None
        """The whole body, or why there is none, once that is known."""
        self.when_known: Callable[[], None] = lambda: None
        """Called then."""
        self.has_stream = False

    def put(self, contents: bytes) -> None:
        """Collect bytes; those over the limit are counted and not kept."""
        self._size += len(contents)
        if self._size <= self._limit_bytes:
            self._contents.extend(contents)

    def finish(self) -> None:
        """Take nothing more: the body is whole, unless it is too large or not as long as the headers say."""
        is_long = self._content_length is None or self._size == self._content_length
        if is_long and self._size <= self._limit_bytes:
            self._end(bytes(self._contents))
        else:
            self._end(HttpFailed("HTTP-request-body-size", self._size))

    def give_up(self, failed: HttpFailed) -> None:
        """Take nothing more, since there is no body."""
        self._end(failed)

    def dropped(self) -> None:
        """Give the request up: a body that was not finished is none."""
        self._end(HttpFailed("HTTP-protocol-error"))

    def _end(self, outcome: bytes | HttpFailed) -> None:
        self._contents.clear()
        self.outcome = outcome
        self.when_known()


class BodyStream(OutputStream):
    """Where a body is written."""

    def __init__(self, body: OutgoingBody) -> None:
        """Write into a body."""
        super().__init__("trace")
        self._body: Final = body

    @property
    def is_closed(self) -> bool:
        """Whether the body is finished."""
        return self._body.outcome is not None

    def put(self, state: CallState, contents: bytes) -> None:
        """Take bytes."""
        self._body.put(contents)


class OutgoingRequest(HostResource):
    """A request that is being made."""

    resource = RESOURCES["outgoing-request"]

    def __init__(self, headers: Fields) -> None:
        """Begin with headers."""
        self.headers: Final = headers.frozen()
        self.method = Variant("get")
        self.target: str | None = None
        self.scheme: Variant | None = None
        self.authority: str | None = None
        self.body: OutgoingBody | None = None

    def open_body(self, limit_bytes: int) -> OutgoingBody:
        """Begin the body; whoever calls made sure that there is none."""
        self.body = OutgoingBody(limit_bytes, _content_length(self.headers))
        return self.body

    def body_or_empty(self, limit_bytes: int) -> OutgoingBody:
        """Return the body; where the plugin asked for none, an empty one that is finished."""
        if self.body is None:
            self.open_body(limit_bytes).finish()
        assert self.body is not None
        return self.body


class RequestOptions(HostResource):
    """How long a plugin wants to wait, in nanoseconds; it never gets longer than the host has."""

    resource = RESOURCES["request-options"]

    def __init__(self) -> None:
        """Wait as long as the host does."""
        self.timeouts_ns: Final[dict[str, int | None]] = {}


def _new_request(state: CallState, headers: HostResource) -> OutgoingRequest:
    state.spend("http_requests")
    return OutgoingRequest(expect(state, headers, Fields))


def _content_length(headers: Fields) -> int | None:
    """Return what the headers promise; a promise that cannot be kept is one of -1 bytes."""
    values = headers.named("content-length")
    if not values:
        return None
    return int(values[0]) if len(values) == 1 and re.fullmatch(rb"[0-9]{1,15}", values[0]) else -1


def _body(state: CallState, request: OutgoingRequest) -> Ok | Err:
    if request.body is not None:
        return Err()
    return Ok(request.open_body(state.limits.http_body_bytes))


def _set_method(_state: CallState, request: OutgoingRequest, value: Variant) -> Ok | Err:
    if value.case == "other" and _TOKEN.fullmatch(str(value.payload)) is None:
        return Err()
    request.method = value
    return Ok()


def _set_scheme(_state: CallState, request: OutgoingRequest, value: Variant | None) -> Ok | Err:
    if value is not None and not _is_short(value.payload):
        return Err()
    request.scheme = value
    return Ok()


def _set_authority(_state: CallState, request: OutgoingRequest, value: str | None) -> Ok | Err:
    if not _is_short(value):
        return Err()
    request.authority = value
    return Ok()


def _set_target(_state: CallState, request: OutgoingRequest, value: str | None) -> Ok | Err:
    if not _is_short(value):
        return Err()
    request.target = value
    return Ok()


def _is_short(text: object) -> bool:
    return text is None or len(str(text)) <= TARGET_CHARS


def _write(_state: CallState, body: OutgoingBody) -> Ok | Err:
    if body.has_stream:
        return Err()
    body.has_stream = True
    return Ok(BodyStream(body))


def _finish(state: CallState, thing: HostResource, trailers: HostResource | None) -> Ok | Err:
    """End a body and, if its request waits for that, send it; trailers are never sent."""
    body = expect(state, thing, OutgoingBody)
    if trailers is not None and expect(state, trailers, Fields).entries:
        body.give_up(HttpFailed("HTTP-request-trailer-section-size", 0))
    else:
        body.finish()
    return Err(body.outcome.error) if isinstance(body.outcome, HttpFailed) else Ok()


def _new_options(_state: CallState) -> RequestOptions:
    return RequestOptions()


def _timeouts() -> dict[str, HostFunction]:
    """Return a getter and a setter for each timeout."""
    duration = OptionOf(U64)
    functions = {}
    for name in TIMEOUTS:

        def get(_state: CallState, options: RequestOptions, *, name: str = name) -> int | None:
            return options.timeouts_ns.get(name)

        def put(_state: CallState, options: RequestOptions, value: int | None, *, name: str = name) -> Ok:
            options.timeouts_ns[name] = value
            return Ok()

        takes = signature(ResultOf(), self=BORROW, duration=duration)
        functions[f"[method]request-options.{name}"] = method(RequestOptions, get, signature(duration, self=BORROW))
        functions[f"[method]request-options.set-{name}"] = method(RequestOptions, put, takes)
    return functions


def _attribute(name: str, of: WitType) -> HostFunction:
    return method(OutgoingRequest, lambda _state, request: getattr(request, name), signature(of, self=BORROW))


def _setter(check: Callable[..., object], of: WitType) -> HostFunction:
    return method(OutgoingRequest, check, signature(ResultOf(), self=BORROW, value=of))


_TEXT: Final = OptionOf(STRING)
_ANY_SCHEME: Final = OptionOf(SCHEME)

FUNCTIONS: Final = {
    "[constructor]outgoing-request": HostFunction(_new_request, signature(OWN, headers=OWN)),
    "[method]outgoing-request.body": method(OutgoingRequest, _body, signature(ResultOf(OWN), self=BORROW)),
    "[method]outgoing-request.method": _attribute("method", METHOD),
    "[method]outgoing-request.set-method": _setter(_set_method, METHOD),
    "[method]outgoing-request.path-with-query": _attribute("target", _TEXT),
    "[method]outgoing-request.set-path-with-query": _setter(_set_target, _TEXT),
    "[method]outgoing-request.scheme": _attribute("scheme", _ANY_SCHEME),
    "[method]outgoing-request.set-scheme": _setter(_set_scheme, _ANY_SCHEME),
    "[method]outgoing-request.authority": _attribute("authority", _TEXT),
    "[method]outgoing-request.set-authority": _setter(_set_authority, _TEXT),
    "[method]outgoing-request.headers": _attribute("headers", OWN),
    "[method]outgoing-body.write": method(OutgoingBody, _write, signature(ResultOf(OWN), self=BORROW)),
    "[static]outgoing-body.finish": HostFunction(
        _finish, signature(ResultOf(None, ERROR_CODE), this=OWN, trailers=OptionOf(OWN))
    ),
    "[constructor]request-options": HostFunction(_new_options, signature(OWN)),
    **_timeouts(),
}
