"""Reads what a request carries: nothing before its length is known and small enough, and never more than that."""

from __future__ import annotations

import json
import time
from typing import Any, Final

from django.http import HttpRequest, UnreadablePostError

from ..conf import conf
from .refusals import Refusal

ORDER_BYTES: Final = 4_096
"""Largest body that is no component, in bytes."""

BODY_S: Final = 240.0
"""How long a body may take to arrive, in seconds; less than the kit waits for the answer."""

_PIECE_BYTES: Final = 1_024
"""How much is read at once: a server may block until that has come, and nobody looks at the clock meanwhile."""


def component_bytes(request: HttpRequest) -> int:
    """Return how long the component will be that a request announces; nothing of it is read.

    Raises:
        Refusal: It does not say, or more than any component may have.
    """
    return _announced(request, conf.COMPONENT_BYTES, "component_bytes")


def read_component(request: HttpRequest, length: int) -> bytes:
    """Return a body of so many bytes, as it is: Django's limit on forms is for forms.

    Raises:
        Refusal: Fewer came, or they took longer than ``BODY_S``.
    """
    data, until = bytearray(), time.monotonic() + BODY_S
    try:
        while len(data) < length and (piece := request.read(min(_PIECE_BYTES, length - len(data)))):
            data += piece
            if time.monotonic() > until:
                raise Refusal("body-unreadable", f"the body did not arrive within {BODY_S:g} s")
    except (UnreadablePostError, OSError):
        data.clear()
    if len(data) != length:
        raise Refusal("body-unreadable", "the body did not arrive whole")
    return bytes(data)


def read_order(request: HttpRequest) -> dict[str, Any]:
    """Return a small JSON object.

    Raises:
        Refusal: The body is something else, or larger.
    """
    data = read_component(request, _announced(request, ORDER_BYTES, "order_bytes"))
    try:
        order = json.loads(data.decode())
    except (ValueError, RecursionError):
        order = None
    if not isinstance(order, dict):
        raise Refusal("body-refused", "the body must be a JSON object in UTF-8")
    return order


def _announced(request: HttpRequest, limit: int, name: str) -> int:
    text = request.META.get("CONTENT_LENGTH") or ""
    if not (text.isascii() and text.isdecimal()):
        raise Refusal("length-required", "say how long the body is: Content-Length")
    if len(text) > 19 or int(text) > limit:
        raise Refusal("body-too-large", f"the limit {name} is {limit}")
    return int(text)
