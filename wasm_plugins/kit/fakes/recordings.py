"""Recorded HTTP: which requests of a plugin are answered with what, read from a file or written in a test.

The file is a JSON array of objects, tried in order; the first that matches counts::

    [{"request": {"method": "GET", "url": "https://api.example.com/rates?base=*"},
      "response": {"status": 200, "headers": {"etag": "7"}, "body": {"EUR": 1.1}},
      "times": 1}]
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from wasm_plugins.kit.failures import Usage
from wasm_plugins.runtime.wasi.http_types import ERROR_CODE, HttpAnswer, HttpFailed
from wasm_plugins.runtime.wit import OptionOf

ERRORS: Final = frozenset(name for name, of in ERROR_CODE.cases if of is None or isinstance(of, OptionOf))
"""Cases of ``error-code`` that a recording may answer: those that need no further word."""

_SHAPE: Final[Mapping[str, frozenset[str]]] = {
    "entry": frozenset({"request", "response", "error", "times"}),
    "request": frozenset({"method", "url", "headers", "body"}),
    "response": frozenset({"status", "headers", "body"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRequest:
    """A request that a plugin wanted to send."""

    method: str
    url: str
    headers: Mapping[str, str]
    """By lower-case name; of several with one name, the last."""

    body: bytes
    outcome: str
    """The status of the answer, or the case of ``error-code`` that the plugin got instead."""


@dataclass(slots=True, kw_only=True)
class Recording:
    """One answer, and the requests that get it."""

    url: str
    """Scheme, host, path and query as they are sent; ``*`` stands for any text."""

    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the request must have among its headers, by lower-case name."""

    request_body: Any = None
    """A text that the body must be, or what it must say as JSON; ``None``: any."""

    answer: HttpAnswer | None = None
    """``None``: the error."""

    error: str = ""
    times: int | None = None
    """How often it still answers; ``None``: always."""

    def matches(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> bool:
        """Tell whether a request gets this answer."""
        pattern = ".*".join(map(re.escape, self.url.split("*")))
        return (
            self.times != 0
            and method.upper() == self.method.upper()
            and re.fullmatch(pattern, url, re.DOTALL) is not None
            and all(headers.get(name) == value for name, value in self.headers.items())
            and _is_body(self.request_body, body)
        )

    def take(self) -> HttpAnswer:
        """Return the answer, once more of as many times as there are.

        Raises:
            HttpFailed: The recorded answer is an error.
        """
        if self.times is not None:
            self.times -= 1
        if self.answer is None:
            raise HttpFailed(self.error)
        return self.answer


def _is_body(wanted: Any, body: bytes) -> bool:
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return body == wanted.encode()
    try:
        return bool(json.loads(body) == wanted)
    except (ValueError, RecursionError):
        return False


def read_recordings(path: Path) -> list[Recording]:
    """Read a file of recordings.

    Raises:
        Usage: It is no JSON, or has another shape; the message says where.
        OSError: It cannot be read.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise Usage(f"{path}: {error}") from None
    if not isinstance(found, list):
        raise Usage(f'{path}: it must be an array of {{"request": …, "response": …}}')
    return [recording(entry, f"{path}: entry {number}") for number, entry in enumerate(found, start=1)]


def recording(entry: Any, at: str) -> Recording:
    """Return one recording, written as in a file.

    Args:
        entry: ``{"request": {…}, "response": {…}}`` or ``{"request": {…}, "error": "…"}``.
        at: What to call it in errors.

    Raises:
        Usage: It has another shape.
    """
    _check(entry, "entry", at)
    request, times = _check(entry.get("request"), "request", f"{at}: request"), entry.get("times")
    url, method = _text(request.get("url"), f"{at}: url"), _text(request.get("method", "GET"), f"{at}: method")
    if not re.match(r"https?://[^/]+/", url):
        raise Usage(f"{at}: url is {url[:80]}; write it as https://host/path, where * may stand for any text")
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        raise Usage(f"{at}: times is {times!r:.40}; it must be a number from 1")
    if ("error" in entry) == ("response" in entry):
        raise Usage(f"{at}: it must have either a response or an error")
    return Recording(
        url=url,
        method=method,
        headers=_headers(request.get("headers", {}), f"{at}: request headers"),
        request_body=request.get("body"),
        answer=_answer(entry["response"], f"{at}: response") if "response" in entry else None,
        error=_error(entry["error"], at) if "error" in entry else "",
        times=times,
    )


def _answer(response: Any, at: str) -> HttpAnswer:
    _check(response, "response", at)
    status, body = response.get("status", 200), response.get("body", "")
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        raise Usage(f"{at}: status is {status!r:.40}; it must be from 200 to 599")
    headers = _headers(response.get("headers", {}), f"{at} headers")
    if not isinstance(body, str | bytes):
        headers.setdefault("content-type", "application/json")
        body = json.dumps(body)
    data = body.encode() if isinstance(body, str) else body
    return HttpAnswer(
        status=status, headers=tuple((name, value.encode()) for name, value in headers.items()), body=data
    )


def _error(case: Any, at: str) -> str:
    if not isinstance(case, str) or case not in ERRORS:
        raise Usage(f"{at}: error is {case!r:.40}; it must be one of {', '.join(sorted(ERRORS))}")
    return case


def _check(found: Any, kind: str, at: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise Usage(f"{at}: it must be an object with {', '.join(sorted(_SHAPE[kind]))}")
    if unknown := sorted(found.keys() - _SHAPE[kind]):
        raise Usage(f"{at}: {unknown[0]!r:.40} is none of {', '.join(sorted(_SHAPE[kind]))}")
    return found


def _headers(found: Any, at: str) -> dict[str, str]:
    if not isinstance(found, dict):
        raise Usage(f"{at}: they must be an object of texts by name")
    return {name.lower(): _text(value, f"{at}: {name}") for name, value in found.items()}


def _text(value: Any, at: str) -> str:
    if not isinstance(value, str):
        raise Usage(f"{at}: it must be a text")
    return value
