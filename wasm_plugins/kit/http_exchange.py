"""One HTTP exchange with a server: one connection, one deadline for all of it, a bounded answer, no redirects."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import httpcore

from wasm_plugins.kit.failures import KitError

ANSWER_BYTES: Final = 4 * 1024 * 1024
"""Largest answer that is read, in bytes."""

PIECE_BYTES: Final = 64 * 1024
_CONNECT_S: Final = 10.0


class Unreachable(KitError):
    """There is no answer from the server. The author must look after the address, or the server."""

    code = "server-unreachable"


def exchange(
    method: str,
    url: httpcore.URL,
    headers: Mapping[str, str],
    body: Iterator[bytes],
    *,
    deadline_s: float,
) -> tuple[int, dict[str, str], bytes]:
    """Send a request, and return the answer's status, headers in lower case, and body; blocks until the deadline.

    Raises:
        Unreachable: There is no answer by then, or one that is larger than ``ANSWER_BYTES``.
    """
    until = time.monotonic() + deadline_s
    connection = httpcore.HTTPConnection(
        origin=url.origin, ssl_context=ssl.create_default_context(), network_backend=_Backend(until)
    )
    try:
        with connection.stream(method, url, headers=list(headers.items()), content=body) as response:
            data = bytearray()
            for piece in response.iter_stream():
                data += piece
                if len(data) > ANSWER_BYTES:
                    raise Unreachable(f"the server's answer is larger than {ANSWER_BYTES} bytes")
            told = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in response.headers}
            return response.status, told, bytes(data)
    except httpcore.TimeoutException:
        raise Unreachable(f"the server did not answer within {deadline_s:g} s") from None
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise Unreachable(f"no connection to {url.host.decode()}: {error or type(error).__name__}") from None
    finally:
        connection.close()


class _Backend(httpcore.SyncBackend):
    """Connects, and has all that follows end with the exchange: a timeout of a socket is for one operation."""

    def __init__(self, until: float) -> None:
        self._until: Final = until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect."""
        within_s = min(_CONNECT_S, _left_s(self._until))
        return _Stream(super().connect_tcp(host, port, within_s, local_address, socket_options), self._until)


class _Stream(httpcore.NetworkStream):
    """A connection whose every operation gets what is left of the exchange."""

    def __init__(self, inner: httpcore.NetworkStream, until: float) -> None:
        self._inner: Final = inner
        self._until: Final = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return some bytes, or none at the end."""
        return self._inner.read(max_bytes, timeout=_left_s(self._until))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        self._inner.write(buffer, timeout=_left_s(self._until))

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Go on encrypted."""
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left_s(self._until)), self._until)

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection knows of itself."""
        return self._inner.get_extra_info(info)


def pieces_of(data: bytes) -> Iterator[bytes]:
    """Yield bytes in pieces."""
    for at in range(0, len(data), PIECE_BYTES):
        yield data[at : at + PIECE_BYTES]


def _left_s(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout
    return left
