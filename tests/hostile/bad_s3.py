"""A small S3 server on the loopback that misbehaves as it is told: real requests of the real client, bad answers."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from pytest_django import Settings

BUCKET = "plugins"
Act = Callable[["Request"], bool]
"""Looks at a request, may answer it or change objects, and says whether it answered."""


@dataclass
class BadS3:
    """The server's content and manners."""

    objects: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    """What a listing says of an object's size, where it lies."""
    act: Act | None = None
    """Called before each request is answered."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and key of each request."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set when the test is over: whoever dawdles must end."""
    url: str = ""

    def options(self, **more: Any) -> dict[str, Any]:
        """Return the options of an ``S3Storage`` on this server."""
        return {
            "bucket_name": BUCKET,
            "endpoint_url": self.url,
            "access_key": "key",
            "secret_key": "secret",
            "region_name": "us-east-1",
            "addressing_style": "path",
            **more,
        }


class Request(BaseHTTPRequestHandler):
    """One request."""

    s3: BadS3
    protocol_version = "HTTP/1.1"

    @property
    def key(self) -> str:
        """The key that is asked for, or an empty text for the bucket."""
        return unquote(urlsplit(self.path).path).removeprefix(f"/{BUCKET}").removeprefix("/")

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def do_GET(self) -> None:
        """List, or answer an object."""
        self._handle(self._list if self.key == "" else self._object)

    def do_HEAD(self) -> None:
        """Answer an object's head."""
        self._handle(self._object)

    def do_PUT(self) -> None:
        """Take an object."""
        data = self._body()
        self._handle(lambda: self._put(data))

    def answer(self, status: int, data: bytes = b"", **headers: str) -> None:
        """Answer with a body of its true length."""
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), "Connection": "close", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def drip(self, size_bytes: int, piece: bytes, every_s: float) -> None:
        """Promise some bytes and send them slowly, until the client or the test has had enough."""
        self.send_response(200)
        self.send_header("Content-Length", str(size_bytes))
        self.send_header("ETag", '"x"')
        self.end_headers()
        sent = 0
        while sent < size_bytes and not self.s3.stop.wait(every_s):
            self.wfile.write(piece)
            sent += len(piece)

    def _handle(self, act: Callable[[], None]) -> None:
        self.s3.asked.append((self.command, self.key))
        try:
            if self.s3.act is None or not self.s3.act(self):
                act()
        except OSError:
            pass  # the client went away
        self.close_connection = True  # or the test would wait for clients that keep theirs

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "") and not self.headers.get(
            "Content-Encoding", ""
        ).startswith("aws-chunked"):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return self._chunks()

    def _chunks(self) -> bytes:
        data = b""
        while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return data

    def _put(self, data: bytes) -> None:
        self.s3.objects[self.key] = data
        self.answer(200, ETag=_etag(data))

    def _object(self) -> None:
        data = self.s3.objects.get(self.key)
        if data is None:
            self.answer(404)
        else:
            self.answer(200, data, ETag=_etag(data))

    def _list(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        prefix = query.get("prefix", [""])[0]
        begin = int(query.get("continuation-token", ["0"])[0])
        keys = sorted(key for key in self.s3.objects if key.startswith(prefix))
        direct = [key for key in keys if "/" not in key.removeprefix(prefix)]
        page, more = direct[begin : begin + 1000], len(direct) > begin + 1000
        token = f"<NextContinuationToken>{begin + 1000}</NextContinuationToken>" if more else ""
        rows = "".join(map(self._row, page))
        body = (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><EncodingType>url</EncodingType>'
            f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{rows}</ListBucketResult>"
        )
        self.answer(200, body.encode(), Content_Type="application/xml")

    def _row(self, key: str) -> str:
        data = self.s3.objects[key]
        size = self.s3.sizes.get(key, len(data))
        return (
            f"<Contents><Key>{escape(quote(key))}</Key><Size>{size}</Size><ETag>{escape(_etag(data))}</ETag></Contents>"
        )


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


def use(settings: Settings, s3: BadS3, **options: Any) -> None:
    """Make a bad server ``STORAGES["plugins"]``."""
    entry = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": s3.options(**options)}
    settings.STORAGES = {**settings.STORAGES, "plugins": entry}


@contextmanager
def bad_s3() -> Iterator[BadS3]:
    """Run a server on a free port of the loopback."""
    s3 = BadS3()
    handler = type("Handler", (Request,), {"s3": s3})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = False
    server.block_on_close = True
    s3.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield s3
    finally:
        s3.stop.set()
        server.shutdown()
        server.server_close()
        thread.join()
