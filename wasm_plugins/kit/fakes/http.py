"""``wasi:http``: no request leaves the author's machine; each is shown and answered as a refusal."""

from __future__ import annotations

from typing import NoReturn

from wasm_plugins.runtime.state import CallState
from wasm_plugins.runtime.wasi.http import http_interfaces
from wasm_plugins.runtime.wasi.http_types import HttpFailed, HttpRequest

from .fake_host import FakeHost


def _refuse(state: CallState, request: HttpRequest) -> NoReturn:
    """Remember a request and answer what the real host answers of one that no grant allows."""
    state.spend("http_requests")
    if isinstance(state.host, FakeHost):
        wanted = f"{request.method} {request.scheme}://{request.authority}{request.target}"
        state.host.remember("wasi:http/outgoing-handler#handle", (wanted,), "err: no request is sent from here")
    raise HttpFailed("HTTP-request-denied")


INTERFACES = http_interfaces(_refuse)
