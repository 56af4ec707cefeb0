"""A visitor of the shop: an HTTP client with cookies that sends the CSRF token, for the demo."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode, urljoin


@dataclass(frozen=True)
class Answer:
    """What came back, after redirects.

    Attributes:
        url: Where it came from in the end.
        status: The HTTP status.
        text: The body.
        headers: By lower-case name.
    """

    url: str
    status: int
    text: str
    headers: dict[str, str]

    def json(self) -> Any:
        """Read the body as JSON."""
        return json.loads(self.text)


class Visitor:
    """Somebody with a browser at ``http://…``; blocks at most ``timeout_s`` seconds per request."""

    def __init__(self, base_url: str, timeout_s: float = 60.0) -> None:
        self._base_url = base_url
        self._timeout_s = timeout_s
        self._cookies = CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._cookies))

    def get(self, path: str) -> Answer:
        """Open a page."""
        return self._send(urllib.request.Request(urljoin(self._base_url, path)))  # noqa: S310  http

    def post_form(self, path: str, **fields: str) -> Answer:
        """Send a form; its page must have been opened before, for the token."""
        return self._post(path, urlencode(fields).encode(), "application/x-www-form-urlencoded")

    def post_json(self, path: str, data: object) -> Answer:
        """Send JSON."""
        return self._post(path, json.dumps(data).encode(), "application/json")

    def log_in(self, name: str, password: str) -> Answer:
        """Log in through the admin's form."""
        self.get("/admin/login/")
        return self.post_form("/admin/login/", username=name, password=password, next="/admin/")

    def _post(self, path: str, body: bytes, content_type: str) -> Answer:
        tokens = {cookie.name: cookie.value or "" for cookie in self._cookies}
        headers = {"Content-Type": content_type, "X-CSRFToken": tokens.get("csrftoken", "")}
        return self._send(urllib.request.Request(urljoin(self._base_url, path), body, headers))  # noqa: S310

    def _send(self, request: urllib.request.Request) -> Answer:
        try:
            answer = self._opener.open(request, timeout=self._timeout_s)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return Answer(answer.url, answer.status, answer.read().decode(errors="replace"), headers)
