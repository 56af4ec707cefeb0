"""``wasi:http``: requests that a plugin sends, one whole exchange at a time, by whatever sends them for the host.

Nothing here opens a connection or knows what a plugin may reach. A request is sent when ``handle`` was called and its
body is finished, inside that very host call, which returns when the whole response is here: no socket outlives it.
"""

from __future__ import annotations

from typing import Final

from ..handles import HostResource
from ..linker import HostFunction, HostInterface
from ..state import CallState
from ..values import Err, Ok, Variant
from ..wit import OptionOf, ResultOf
from . import http_fields, http_inbound, http_incoming, http_outgoing
from .http_incoming import FutureResponse
from .http_outgoing import OutgoingRequest, RequestOptions
from .http_types import ERROR_CODE, Exchange, HttpFailed, HttpRequest
from .resources import BORROW, OWN, RESOURCES, answer, expect, signature

TYPES: Final = "wasi:http/types"
OUTGOING_HANDLER: Final = "wasi:http/outgoing-handler"


def http_interfaces(exchange: Exchange) -> tuple[HostInterface, HostInterface]:
    """Return the interfaces by which plugins send requests through ``exchange``."""

    def handle(state: CallState, thing: HostResource, chosen: HostResource | None) -> Ok | Err:
        request = expect(state, thing, OutgoingRequest)
        options = RequestOptions() if chosen is None else expect(state, chosen, RequestOptions)
        future = FutureResponse()
        _send_when_finished(state, request, options, future, exchange)
        return Ok(future)

    of = signature(ResultOf(OWN, ERROR_CODE), request=OWN, options=OptionOf(OWN))
    return (
        HostInterface(TYPES, _TYPES, {**RESOURCES, **_ALIASES}),
        HostInterface(OUTGOING_HANDLER, {"handle": HostFunction(handle, of)}, RESOURCES),
    )


def _send_when_finished(
    state: CallState, request: OutgoingRequest, options: RequestOptions, future: FutureResponse, exchange: Exchange
) -> None:
    """Send a request now, or as soon as its body is known."""
    body = request.body_or_empty(state.limits.http_body_bytes)

    def send() -> None:
        if isinstance(body.outcome, HttpFailed):
            future.outcome = body.outcome
        elif body.outcome is not None:
            try:
                future.outcome = exchange(state, _described(request, options, body.outcome))
            except HttpFailed as failed:
                future.outcome = failed

    if body.outcome is None:
        body.when_known = send
    else:
        send()


def _described(request: OutgoingRequest, options: RequestOptions, body: bytes) -> HttpRequest:
    return HttpRequest(
        method=_word(request.method) if request.method.case == "other" else request.method.case.upper(),
        scheme="" if request.scheme is None else _word(request.scheme),
        authority=request.authority or "",
        target=request.target or "/",
        headers=tuple(request.headers.entries),
        body=body,
        connect_ns=options.timeouts_ns.get("connect-timeout"),
        first_byte_ns=options.timeouts_ns.get("first-byte-timeout"),
        between_bytes_ns=options.timeouts_ns.get("between-bytes-timeout"),
    )


def _word(value: Variant) -> str:
    """Return what a method or a scheme says: its case, or what ``other`` carries."""
    return str(value.payload) if value.case == "other" else value.case.lower()


_ALIASES: Final = {
    "headers": RESOURCES["fields"],
    "trailers": RESOURCES["fields"],
    "io-error": RESOURCES["error"],
}
"""Second names of resources, by which components import them from ``wasi:http/types``."""

_TYPES: Final = {
    **http_fields.FUNCTIONS,
    **http_outgoing.FUNCTIONS,
    **http_incoming.FUNCTIONS,
    **http_inbound.FUNCTIONS,
    # No stream of this host fails, so there never is an error to explain.
    "http-error-code": HostFunction(answer(None), signature(OptionOf(ERROR_CODE), err=BORROW)),
}
