"""The HTTP API of a project's server, as an author's commands use it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from wasm_plugins.kit.address import is_this_machine, parts_of
from wasm_plugins.kit.failures import KitError, ToolMissing, Usage

QUICK_S: Final = 20.0
"""How long an answer may take that the server need not work for, in seconds."""

UPLOAD_S: Final = 300.0
"""How long an upload may take in all, in seconds: the bytes, and compiling on a busy machine."""

STANDING: Final = ("state", "is_enabled", "not_called", "waiting_version")
"""What answers on a plugin have on how it stands."""

Told = Callable[[int], None]
"""Told after each piece how many bytes were sent."""


class ServerRefused(KitError):
    """The server answered, and did not do what was asked; ``code`` is the server's own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Server:
    """One server, with the token for it; the token goes nowhere else and is in no error."""

    def __init__(self, url: str, token: str, *, may_be_plain: bool = False) -> None:
        """Take an address apart.

        Args:
            url: Where the API is, such as ``https://shop.example/plugins-api/``; without a path that one is added.
            token: As the admin or ``manage.py plugins token`` showed it.
            may_be_plain: Whether the token may travel unencrypted, beyond this machine.

        Raises:
            Usage: It is no such address, or the token would travel unencrypted.
        """
        self._token: Final = token
        self._scheme, self._host, self._port, self._base = parts_of(url)
        if self._scheme == "http" and not (may_be_plain or is_this_machine(self._host)):
            raise Usage(f"{url}: over http everybody on the way could read the token: use https, or say --allow-http")

    @property
    def site(self) -> str:
        """The server without a path, to put before the address of a route."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        is_usual = self._port == (443 if self._scheme == "https" else 80)
        return f"{self._scheme}://{host}" + ("" if is_usual else f":{self._port}")

    def whoami(self) -> dict[str, Any]:
        """Return what the server says of the token."""
        return _having(self._ask("GET", "token/"), "now", "keeps_calls")

    def upload(self, name: str, component: bytes, told: Told) -> dict[str, Any]:
        """Send a component, and return the server's report; blocks while it is sent and checked.

        Raises:
            ServerRefused: It is not taken; the server's message says why.
            KitError: There is no answer, or none of such a server.
        """
        path = f"plugins/{quote(name, safe='')}/component/"
        answer = self._ask("PUT", path, component, told=told, deadline_s=UPLOAD_S)
        return _having(answer, "report", "is_new", *STANDING)

    def enable(self, name: str, version: int, *, is_granting: bool) -> dict[str, Any]:
        """Have a version serve, and before granted what it asks for, if that is wanted."""
        order = json.dumps({"version": version, "grant": is_granting}).encode()
        answer = self._ask("POST", f"plugins/{quote(name, safe='')}/enable/", order, kind="application/json")
        return _having(answer, "current", *STANDING)

    def log(self, name: str, since: str) -> dict[str, Any]:
        """Return the calls and runs that ended since a moment, and the server's time."""
        answer = self._ask("GET", f"plugins/{quote(name, safe='')}/log/?since={quote(since, safe='')}")
        return _having(answer, "entries", "now")

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        kind: str = "application/wasm",
        told: Told = lambda sent: None,
        deadline_s: float = QUICK_S,
    ) -> dict[str, Any]:
        httpcore, exchange, pieces_of = _client()
        url = httpcore.URL(
            scheme=self._scheme.encode(),
            host=self._host.encode("ascii"),
            port=self._port,
            target=(self._base + path).encode(),
        )
        headers = {"Host": self.site.partition("://")[2], "Authorization": f"Bearer {self._token}"}
        headers |= {"Accept": "application/json", "Connection": "close", "User-Agent": "wasm-plugins"}
        if method != "GET":
            headers |= {"Content-Length": str(len(body)), "Content-Type": kind}
        sent = _counted(pieces_of(body), told)
        status, answered, data = exchange(method, url, headers, sent, deadline_s=deadline_s)
        return self._read(status, answered, data)

    def _read(self, status: int, headers: Mapping[str, str], data: bytes) -> dict[str, Any]:
        where = f"{self.site}{self._base}"
        if 300 <= status <= 399:
            raise KitError(f"{where} leads to {headers.get('location', 'another address')!r:.200}: use that one")
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise KitError(f"{where} answered status {status} and no JSON object: is the API of the plugins there?")
        error = answer.get("error")
        if status >= 400:
            told = error if isinstance(error, dict) else {}
            raise ServerRefused(
                str(told.get("code", "server-error"))[:64], str(told.get("message", f"status {status}"))
            )
        return answer


def _having(answer: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return an answer that has these keys, as every server of this app answers."""
    missing = [key for key in keys if key not in answer]
    if missing:
        raise KitError(f"the server's answer lacks {', '.join(missing)}: is it of another release?")
    return answer


def _client() -> tuple[Any, Any, Any]:
    """Return the HTTP client, which only these commands need."""
    try:
        import httpcore

        from wasm_plugins.kit.http_exchange import exchange, pieces_of
    except ImportError:
        raise ToolMissing("httpcore is not installed: pip install 'django-wasm-plugins[kit]'") from None
    return httpcore, exchange, pieces_of


def _counted(pieces: Iterable[bytes], told: Told) -> Iterator[bytes]:
    sent = 0
    for piece in pieces:
        yield piece
        sent += len(piece)
        told(sent)
