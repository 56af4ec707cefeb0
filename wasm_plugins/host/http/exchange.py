"""What a plugin may send, and when: its grant, its transaction, its limits; then the transport sends it.

A refusal is an ``error-code`` for the plugin, whose log says why. The project's log gets method, scheme, host and port
and what became of it; never a path, a header or a body, where secrets are.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import cache
from ipaddress import ip_network
from typing import Final, Protocol

from ...capabilities import HTTP
from ...conf import conf
from ...runtime.state import CallState
from ...runtime.wasi.http_types import HttpAnswer, HttpFailed, HttpRequest
from ...scopes.hosts import HttpGrant
from ...scopes.origins import Origin, check_target, parse_origin
from ..context import CallContext
from .addresses import Network
from .bounds import Bounds, Patience

logger = logging.getLogger("wasm_plugins.http")

_FORBIDDEN_METHODS: Final = frozenset({"CONNECT", "TRACE", "TRACK"})
"""``CONNECT`` makes a tunnel of a proxy; the other two send back what a server was told (RFC 9110, section 9.3)."""


class Sender(Protocol):
    """Sends a request that was checked."""

    def send(self, origin: Origin, request: HttpRequest, bounds: Bounds) -> HttpAnswer:
        """Return the whole response.

        Raises:
            HttpFailed: There is none.
        """
        ...


class Denied(HttpFailed):
    """The plugin may not send this request."""

    def __init__(self, why: str) -> None:
        """Say why in a text for the plugin's log."""
        super().__init__("HTTP-request-denied")
        self.why: Final = why


class HttpExchange:
    """The project's way to send a plugin's requests."""

    def __init__(self, transport: Sender | None = None) -> None:
        """Send by a transport; ``None`` means that of this package, if what it needs is installed."""
        self._transport: Final = transport

    def __call__(self, state: CallState, request: HttpRequest) -> HttpAnswer:
        """Send a request, if the plugin may, and return the whole response.

        Blocks for at most ``WASM_PLUGINS_HTTP_TIMEOUT_MS`` or what is left of the call.

        Raises:
            HttpFailed: It was denied, or there is no response within the limits.
        """
        if not isinstance(state.host, CallContext):
            raise HttpFailed("HTTP-request-denied")  # while the manifest is read
        started = time.monotonic()
        place, outcome = "?", ""
        try:
            grant = _grant(state.host)
            origin = _origin(request)
            place = str(origin)
            _check_reach(origin, grant)
            _check(request, state.host, grant)
            answer = (self._transport or _transport()).send(
                origin, request, _bounds(state, request, grant, state.host.plugin)
            )
            outcome = str(answer.status)
            return answer
        except HttpFailed as failed:
            outcome = failed.error.case
            state.log.write("warn", f"the request to {place} failed: {getattr(failed, 'why', outcome)}")
            raise
        finally:
            sent = state.log.redactor.redact(f"{request.method} {place}")  # both are words of the plugin's
            _note(state.host, sent, outcome or "interrupted", time.monotonic() - started)


def _grant(context: CallContext) -> HttpGrant:
    try:
        return HttpGrant.from_scope(context.grants[HTTP])
    except KeyError:
        raise Denied("the capability http was not granted") from None
    except ValueError as error:
        raise Denied(f"the grant of this plugin cannot be read: {error}") from None


def _origin(request: HttpRequest) -> Origin:
    try:
        return parse_origin(request.scheme or "https", request.authority)
    except ValueError as error:
        raise Denied(str(error)) from None


def _check_reach(origin: Origin, grant: HttpGrant) -> None:
    """Refuse a host that was not granted; before anything is looked up."""
    if not grant.allows(origin):
        raise Denied("it is none of the hosts that were granted")


def _check(request: HttpRequest, context: CallContext, grant: HttpGrant) -> None:
    if request.method.upper() in _FORBIDDEN_METHODS:
        raise HttpFailed("HTTP-request-method-invalid")
    try:
        check_target(request.target)
    except ValueError:
        raise HttpFailed("HTTP-request-URI-invalid") from None
    if not grant.in_transaction and not context.session.holds_nothing:
        raise Denied("a transaction is open, which would hold its locks meanwhile, and the grant has no in_transaction")


def _bounds(state: CallState, request: HttpRequest, grant: HttpGrant, plugin: str) -> Bounds:
    deadline_at = min(time.monotonic() + conf.HTTP_TIMEOUT_MS / 1000, state.deadline_at)
    patience = Patience(
        deadline_at=deadline_at,
        connect_s=min(conf.HTTP_CONNECT_TIMEOUT_MS / 1000, _seconds(request.connect_ns)),
        first_byte_s=_seconds(request.first_byte_ns),
        between_bytes_s=_seconds(request.between_bytes_ns),
    )
    private = private_networks(tuple(conf.HTTP_PRIVATE_NETWORKS)) if grant.private else ()
    return Bounds(plugin=plugin, patience=patience, response_bytes=state.limits.http_body_bytes, private=private)


def _seconds(duration_ns: int | None) -> float:
    return float("inf") if duration_ns is None else duration_ns / 1_000_000_000


@cache
def private_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Return networks that are written as CIDR.

    Raises:
        ValueError: One of them is not.
    """
    return tuple(ip_network(text) for text in texts)


@cache
def _transport() -> Sender:
    """Return the transport; its library is an extra of this package."""
    try:
        from .transport import Transport
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("httpcore", "h11", "certifi"):
            raise
        raise HttpFailed("configuration-error") from error
    return Transport()


def _note(context: CallContext, sent: str, outcome: str, elapsed_s: float) -> None:
    level = logging.INFO if outcome.isdigit() else logging.WARNING
    logger.log(
        level,
        "%s %d: %s: %s after %d ms",
        context.plugin,
        context.version,
        sent,
        outcome,
        int(elapsed_s * 1000),
    )
