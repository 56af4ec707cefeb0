"""Sends one request and reads its whole response: one lookup, checked addresses, one connection, one deadline.

Redirects are not followed, no body is decoded, no proxy of the environment is asked, and nothing is kept for the next
request.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from functools import cache
from ipaddress import ip_address
from typing import Final

import httpcore

from ...runtime.wasi.http_types import Header, HttpAnswer, HttpFailed, HttpRequest
from ...scopes.origins import Origin
from .addresses import all_allowed
from .bounds import Bounds
from .network import CheckedAddresses
from .resolver import Resolver, resolve

MOST_RESPONSE_FIELDS: Final = 256
"""Headers that a response may have; all of them together at most 100 KiB, as httpcore has it."""

_OF_THE_CONNECTION: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
_HAS_BODY: Final = ("POST", "PUT", "PATCH")


@cache
def _verified() -> ssl.SSLContext:
    return ssl.create_default_context()


class Transport:
    """Sends requests; safe to use from many threads."""

    def __init__(self, *, resolver: Resolver = resolve, ssl_context: ssl.SSLContext | None = None) -> None:
        """Send.

        Args:
            resolver: Finds the addresses of names; asked once for each request.
            ssl_context: Whom to trust; ``None`` trusts whom the system trusts.
        """
        self._resolver: Final = resolver
        self._ssl_context: Final = ssl_context

    def send(self, origin: Origin, request: HttpRequest, bounds: Bounds) -> HttpAnswer:
        """Send a request whose origin the plugin may reach, and return the response; blocks until the deadline.

        Raises:
            HttpFailed: There is no response, or it is over a limit. Every socket is closed by then.
        """
        network = CheckedAddresses(self._addresses(origin, bounds), bounds.patience)
        connection = httpcore.HTTPConnection(
            origin=httpcore.Origin(origin.scheme.encode(), origin.host.encode(), origin.port),
            ssl_context=self._ssl_context or _verified(),
            network_backend=network,
        )
        try:
            return _exchange(connection, origin, request, bounds)
        except httpcore.LocalProtocolError:
            raise HttpFailed("HTTP-request-denied") from None
        except httpcore.RemoteProtocolError:
            raise HttpFailed("HTTP-protocol-error") from None
        except httpcore.NetworkError:
            raise HttpFailed("connection-terminated") from None
        finally:
            connection.close()
            network.close()

    def _addresses(self, origin: Origin, bounds: Bounds) -> Sequence[str]:
        """Find where to connect to; a name with one address that is not allowed has none."""
        if ":" in origin.host or origin.host.rpartition(".")[2].isdigit():
            found: Sequence[str] = (str(ip_address(origin.host)),)
        else:
            left_s = bounds.patience.left_s(bounds.patience.connect_s, "DNS-timeout")
            found = self._resolver(origin.host, origin.port, left_s, bounds.plugin)
        if not all_allowed(found, bounds.private):
            raise HttpFailed("destination-IP-prohibited")
        return found


def _exchange(connection: httpcore.HTTPConnection, origin: Origin, request: HttpRequest, bounds: Bounds) -> HttpAnswer:
    url = httpcore.URL(
        scheme=origin.scheme.encode(),
        host=origin.host.encode(),
        port=origin.port,
        target=request.target.encode(),
    )
    with connection.stream(
        request.method.encode(), url, headers=_headers(origin, request), content=request.body or None
    ) as response:
        if not 200 <= response.status <= 599:
            raise HttpFailed("HTTP-protocol-error")
        if len(response.headers) > MOST_RESPONSE_FIELDS:
            raise HttpFailed("HTTP-response-header-section-size")
        body = bytearray()
        try:
            for chunk in response.iter_stream():
                body += chunk
                if len(body) > bounds.response_bytes:
                    raise HttpFailed("HTTP-response-body-size", bounds.response_bytes)
        except httpcore.RemoteProtocolError:
            raise HttpFailed("HTTP-response-incomplete") from None
        return HttpAnswer(status=response.status, headers=_received(response.headers), body=bytes(body))


def _headers(origin: Origin, request: HttpRequest) -> list[tuple[bytes, bytes]]:
    """Return the plugin's headers with those by which the host says where the request goes and where it ends."""
    named = [(name.encode(), value) for name, value in request.headers if name.lower() != "content-length"]
    framing = [(b"Host", origin.authority.encode()), (b"Connection", b"close")]
    if request.body or request.method in _HAS_BODY:
        framing.append((b"Content-Length", b"%d" % len(request.body)))
    return [*framing, *named]


def _received(headers: list[tuple[bytes, bytes]]) -> tuple[Header, ...]:
    return tuple((name.decode("ascii"), value) for name, value in headers if name.lower() not in _OF_THE_CONNECTION)
