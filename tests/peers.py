"""Servers on this machine that answer requests of plugins, well or badly, and remember what they were sent."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

Speak = Callable[[socket.socket, "Peer"], None]
"""What a peer does once it has read a request."""

OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Peer:
    """A server on a free port of 127.0.0.1, on threads that end with the block.

    Attributes:
        port: Where it listens.
        received: What each connection sent, raw.
        left: Set when a client closed its connection.
    """

    def __init__(self, speak: Speak, *, tls: ssl.SSLContext | None = None, listens: bool = True) -> None:
        self._listens: Final = listens
        self._speak: Final = speak
        self._tls: Final = tls
        self._listening: Final = socket.create_server(("127.0.0.1", 0))
        self._threads: Final = [threading.Thread(target=self._accept, name="peer")]
        self.port: Final[int] = self._listening.getsockname()[1]
        self.received: Final[list[bytes]] = []
        self.left: Final = threading.Event()
        self._over: Final = threading.Event()

    def __enter__(self) -> Peer:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive()

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.port}"

    def goes_on(self, pause_s: float = 0) -> bool:
        """Pause, and tell whether to go on; no longer when the block has ended."""
        return not self._over.wait(pause_s) if pause_s else not self._over.is_set()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listening.accept()
                self._threads.append(thread := threading.Thread(target=self._serve, args=(sock,), name="peer"))
                thread.start()

    def _serve(self, raw: socket.socket) -> None:
        raw.settimeout(20)
        with contextlib.suppress(OSError), raw:
            sock = self._tls.wrap_socket(raw, server_side=True) if self._tls else raw
            with sock:
                if self._listens:
                    self.received.append(_read_request(sock))
                with contextlib.suppress(OSError):
                    self._speak(sock, self)
                self._wait_until_left(sock)

    def _wait_until_left(self, sock: socket.socket) -> None:
        """Notice that the client closed its end, which it also does by a reset."""
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
        sock.settimeout(0.05)
        while self.goes_on():
            try:
                if not sock.recv(65_536):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            return
        self.left.set()


def _read_request(sock: socket.socket) -> bytes:
    """Read the head and as much of a body as it promises, and what comes right behind."""
    data = b""
    while b"\r\n\r\n" not in data and (more := sock.recv(65_536)):
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]) and (more := sock.recv(65_536)):
        body += more
    return head + b"\r\n\r\n" + body


def says(*parts: bytes) -> Speak:
    """Answer some bytes and be done."""
    return lambda sock, _peer: sock.sendall(b"".join(parts))


def says_for_ever(head: bytes, again: bytes, *, pause_s: float = 0) -> Speak:
    """Answer a head, and then the same bytes again and again."""

    def speak(sock: socket.socket, peer: Peer) -> None:
        sock.sendall(head)
        while peer.goes_on(pause_s):
            sock.sendall(again)

    return speak


def drips(data: bytes, *, pause_s: float = 0.2) -> Speak:
    """Answer one byte at a time."""

    def speak(sock: socket.socket, peer: Peer) -> None:
        for at in range(len(data)):
            sock.sendall(data[at : at + 1])
            if not peer.goes_on(pause_s):
                return

    return speak


def is_silent(_sock: socket.socket, peer: Peer) -> None:
    """Answer nothing for a while."""
    peer.goes_on(5)


def redirects(status: int, location: str) -> Speak:
    """Answer a redirection."""
    return says(f"HTTP/1.1 {status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())


class Names:
    """A resolver that knows what it is told, each answer for one question; the last one for all that follow.

    Attributes:
        asked: The names that were asked for.
    """

    def __init__(self, *answers: Iterable[str]) -> None:
        self._answers: Final[Iterator[list[str]]] = iter([list(answer) for answer in answers])
        self._last: list[str] = []
        self.asked: Final[list[str]] = []

    def __call__(self, host: str, port: int, timeout_s: float, plugin: str) -> list[str]:
        self.asked.append(host)
        self._last = next(self._answers, self._last)
        return self._last


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Assert that a block is over in time."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds
