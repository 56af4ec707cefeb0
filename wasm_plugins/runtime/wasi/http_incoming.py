"""The resources of ``wasi:http`` that a plugin gets an answer by: the future, the response, its body."""

from __future__ import annotations

from typing import Final

from ..handles import HostResource
from ..linker import HostFunction
from ..state import CallState
from ..values import Err, Ok
from ..wit import U16, OptionOf, ResultOf
from .http_fields import Fields
from .http_types import ERROR_CODE, HttpAnswer, HttpFailed
from .io import Pollable
from .resources import BORROW, OWN, RESOURCES, expect, method, signature
from .streams import InputStream

_NEVER_NS: Final = 2**63
"""No call lives until this moment of the monotonic clock."""


class IncomingBody(HostResource):
    """A response's body, all of which is here."""

    resource = RESOURCES["incoming-body"]

    def __init__(self, contents: bytes) -> None:
        """Hold the body."""
        self.contents: Final = contents
        self.has_stream = False


class IncomingResponse(HostResource):
    """A response."""

    resource = RESOURCES["incoming-response"]

    def __init__(self, answer: HttpAnswer) -> None:
        """Hold the response."""
        self.answer: Final = answer
        self.is_consumed = False


class FutureResponse(HostResource):
    """What comes of a request: known as soon as the request's body is."""

    resource = RESOURCES["future-incoming-response"]

    def __init__(self) -> None:
        """Know nothing yet."""
        self.outcome: HttpAnswer | HttpFailed | None = None
        self.is_taken = False


class FutureTrailers(HostResource):
    """The trailers of a response: known, and none."""

    resource = RESOURCES["future-trailers"]

    def __init__(self) -> None:
        """Hold none."""
        self.is_taken = False


class ResponsePollable(Pollable):
    """Waits for a response.

    While a plugin waits it cannot finish its request, so a response that is not there will not come either.
    """

    def __init__(self, future: FutureResponse) -> None:
        """Wait for what comes of a request."""
        super().__init__()
        self._future: Final = future

    @property
    def ready_at_ns(self) -> int:
        """Now, or never."""
        return _NEVER_NS if self._future.outcome is None else 0


def _subscribe(_state: CallState, future: FutureResponse) -> Pollable:
    return ResponsePollable(future)


def _get(_state: CallState, future: FutureResponse) -> Ok | Err | None:
    if future.outcome is None:
        return None
    if future.is_taken:
        return Err()
    future.is_taken = True
    outcome = future.outcome
    return Ok(Err(outcome.error) if isinstance(outcome, HttpFailed) else Ok(IncomingResponse(outcome)))


def _status(_state: CallState, response: IncomingResponse) -> int:
    return response.answer.status


def _headers(_state: CallState, response: IncomingResponse) -> Fields:
    return Fields(response.answer.headers, is_mutable=False)


def _consume(_state: CallState, response: IncomingResponse) -> Ok | Err:
    if response.is_consumed:
        return Err()
    response.is_consumed = True
    return Ok(IncomingBody(response.answer.body))


def _stream(_state: CallState, body: IncomingBody) -> Ok | Err:
    if body.has_stream:
        return Err()
    body.has_stream = True
    return Ok(InputStream(body.contents))


def _finish(state: CallState, body: HostResource) -> FutureTrailers:
    expect(state, body, IncomingBody)
    return FutureTrailers()


def _subscribe_trailers(_state: CallState, _future: FutureTrailers) -> Pollable:
    return Pollable()


def _get_trailers(_state: CallState, future: FutureTrailers) -> Ok | Err:
    if future.is_taken:
        return Err()
    future.is_taken = True
    return Ok(Ok())


_RESPONSE: Final = OptionOf(ResultOf(ResultOf(OWN, ERROR_CODE)))
_TRAILERS: Final = OptionOf(ResultOf(ResultOf(OptionOf(OWN), ERROR_CODE)))
_ONE: Final = signature(OWN, self=BORROW)
_ONCE: Final = signature(ResultOf(OWN), self=BORROW)

FUNCTIONS: Final = {
    "[method]future-incoming-response.subscribe": method(FutureResponse, _subscribe, _ONE),
    "[method]future-incoming-response.get": method(FutureResponse, _get, signature(_RESPONSE, self=BORROW)),
    "[method]incoming-response.status": method(IncomingResponse, _status, signature(U16, self=BORROW)),
    "[method]incoming-response.headers": method(IncomingResponse, _headers, _ONE),
    "[method]incoming-response.consume": method(IncomingResponse, _consume, _ONCE),
    "[method]incoming-body.stream": method(IncomingBody, _stream, _ONCE),
    "[static]incoming-body.finish": HostFunction(_finish, signature(OWN, this=OWN)),
    "[method]future-trailers.subscribe": method(FutureTrailers, _subscribe_trailers, _ONE),
    "[method]future-trailers.get": method(FutureTrailers, _get_trailers, signature(_TRAILERS, self=BORROW)),
}
