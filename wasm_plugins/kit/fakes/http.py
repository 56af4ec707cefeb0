"""``wasi:http``: no request leaves the author's machine; what was recorded answers, by the host's rules on scopes."""

from __future__ import annotations

from typing import Final

from wasm_plugins.runtime.state import CallState
from wasm_plugins.runtime.wasi.http import http_interfaces
from wasm_plugins.runtime.wasi.http_types import HttpAnswer, HttpFailed, HttpRequest
from wasm_plugins.scopes.origins import Origin, check_target, parse_origin

from .fake_host import FakeHost
from .recordings import SentRequest

HANDLE: Final = "wasi:http/outgoing-handler#handle"
FORBIDDEN_METHODS: Final = frozenset({"CONNECT", "TRACE", "TRACK"})
NOT_RECORDED: Final = "destination-unavailable"
"""What the plugin gets for a request that the host would send and nobody recorded."""

_WHY: Final = "it is not recorded: add it to the file of --http, or to plugin_host.record_http"


class _Explained(HttpFailed):
    """A refusal whose reason is for the plugin's log."""

    def __init__(self, why: str, case: str = "HTTP-request-denied") -> None:
        super().__init__(case)
        self.why: Final = why


def _exchange(state: CallState, request: HttpRequest) -> HttpAnswer:
    """Answer a request as the real host would if the recorded peers were there."""
    host = state.host
    if not isinstance(host, FakeHost):
        raise HttpFailed("HTTP-request-denied")  # while the manifest is read
    url, outcome = f"{request.scheme or 'https'}://{request.authority}{request.target}", ""
    try:
        origin = _allowed(host, request)
        url = f"{origin}{request.target}"
        answer = _recorded(host, request, url, most_bytes=state.limits.http_body_bytes)
        outcome = str(answer.status)
        return answer
    except HttpFailed as failed:
        outcome = failed.error.case
        why = getattr(failed, "why", outcome)
        state.log.write("warn", f"the request {request.method} {url} failed: {why}")
        raise
    finally:
        host.remember_sent(
            SentRequest(method=request.method, url=url, headers=_headers(request), body=request.body, outcome=outcome)
        )
        host.remember(HANDLE, (f"{request.method} {url}",), outcome)


def _allowed(host: FakeHost, request: HttpRequest) -> Origin:
    """Return where a request goes, if the host would let it, by what ``plugin.toml`` asks for.

    Raises:
        HttpFailed: It would not.
    """
    try:
        origin = parse_origin(request.scheme or "https", request.authority)
    except ValueError as error:
        raise _Explained(str(error)) from None
    if not host.http.allows(origin):
        raise _Explained("its host is none of those under [capabilities.http] in plugin.toml")
    if request.method.upper() in FORBIDDEN_METHODS:
        raise HttpFailed("HTTP-request-method-invalid")
    try:
        check_target(request.target)
    except ValueError:
        raise HttpFailed("HTTP-request-URI-invalid") from None
    if not host.http.in_transaction and not host.holds_nothing:
        raise _Explained(
            "a transaction is open, which would hold its locks meanwhile, and the scope has no in_transaction"
        )
    return origin


def _recorded(host: FakeHost, request: HttpRequest, url: str, *, most_bytes: int) -> HttpAnswer:
    headers = _headers(request)
    for each in host.recordings:
        if each.matches(request.method, url, headers, request.body):
            answer = each.take()
            if len(answer.body) > most_bytes:
                raise HttpFailed("HTTP-response-body-size", most_bytes)
            return answer
    raise _Explained(_WHY, NOT_RECORDED)


def _headers(request: HttpRequest) -> dict[str, str]:
    return {name.lower(): value.decode("latin-1") for name, value in request.headers}


INTERFACES = http_interfaces(_exchange)
