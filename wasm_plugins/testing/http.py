"""Lets a fake route answer with Django's own response, as the ``response`` record that a plugin would answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse

from ..runtime.values import Variant


def response_record(answer: HttpResponse | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the ``response`` record of ``plugins-manager:common/http`` for an answer; a record stays what it is.

    Cookies are left out: no plugin can set one.
    """
    if not isinstance(answer, HttpResponse):
        return answer
    return {
        "status": answer.status_code,
        "headers": [(name.lower(), value) for name, value in answer.items()],
        "body": _body(answer.content),
    }


def _body(content: bytes) -> Variant:
    if not content:
        return Variant("empty")
    try:
        return Variant("text", content.decode())
    except UnicodeDecodeError:
        return Variant("bytes", content)
