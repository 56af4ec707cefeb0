"""Connections of one exchange: to addresses that were checked, and never beyond its deadline.

A timeout of a socket is for one operation, so a peer that sends a byte now and then would never meet it. Here every
operation gets what is left of the whole exchange.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from typing import Final

import httpcore

from ...runtime.wasi.http_types import HttpFailed
from .bounds import Patience


class DeadlineStream(httpcore.NetworkStream):
    """A connected socket whose every operation ends with the exchange."""

    def __init__(self, sock: socket.socket, patience: Patience) -> None:
        """Take a socket over."""
        self._socket: Final = sock
        self._patience: Final = patience
        self._next_byte_s = patience.first_byte_s

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return some bytes, or none at the end."""
        try:
            self._socket.settimeout(self._patience.left_s(self._next_byte_s, "HTTP-response-timeout"))
            data = self._socket.recv(max_bytes)
        except TimeoutError:
            raise HttpFailed("HTTP-response-timeout") from None
        except OSError as error:
            raise httpcore.ReadError(str(error)) from error
        self._next_byte_s = self._patience.between_bytes_s
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it; a peer that takes no more may have answered already, so that is not the end."""
        rest = memoryview(buffer)
        try:
            while rest:
                self._socket.settimeout(self._patience.left_s(float("inf"), "connection-write-timeout"))
                rest = rest[self._socket.send(rest) :]
        except TimeoutError:
            raise HttpFailed("connection-write-timeout") from None
        except OSError as error:
            raise httpcore.WriteError(str(error)) from error

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Return the same connection, encrypted, with a peer that proved to be the host."""
        try:
            self._socket.settimeout(self._patience.left_s(self._patience.connect_s, "connection-timeout"))
            encrypted = ssl_context.wrap_socket(self._socket, server_hostname=server_hostname)
        except ssl.SSLCertVerificationError:
            raise HttpFailed("TLS-certificate-error") from None
        except TimeoutError:
            raise HttpFailed("connection-timeout") from None
        except OSError:
            raise HttpFailed("TLS-protocol-error") from None
        return DeadlineStream(encrypted, self._patience)


class CheckedAddresses(httpcore.NetworkBackend):
    """Connects to the first of some addresses that answers; what name is asked for makes no difference."""

    def __init__(self, addresses: Sequence[str], patience: Patience) -> None:
        """Know where to go."""
        self._addresses: Final = addresses
        self._patience: Final = patience
        self._opened: httpcore.NetworkStream | None = None

    def close(self) -> None:
        """Close what was connected, whoever forgot it."""
        if self._opened is not None:
            self._opened.close()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect; each address that is left gets an equal share of the time that is left."""
        until = time.monotonic() + self._patience.left_s(self._patience.connect_s, "connection-timeout")
        failed = HttpFailed("destination-unavailable")
        for at, address in enumerate(self._addresses):
            share_s = (until - time.monotonic()) / (len(self._addresses) - at)
            try:
                self._opened = DeadlineStream(_connect(address, port, max(share_s, 0.001)), self._patience)
                return self._opened
            except TimeoutError:
                failed = HttpFailed("connection-timeout")
            except ConnectionRefusedError:
                failed = HttpFailed("connection-refused")
            except OSError:
                failed = HttpFailed("destination-unavailable")
        raise failed


def _connect(address: str, port: int, timeout_s: float) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        sock.connect((address, port))
    except BaseException:
        sock.close()
        raise
    return sock
