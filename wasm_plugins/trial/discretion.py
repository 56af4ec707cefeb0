"""Takes the secrets that a call has read out of its answer: unlike its caller's, a trial's page is for who tries it."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse

from ..runtime.redaction import Redactor

_MOST_DEPTH: Final = 100
"""How deep in an answer texts are looked for; a type is never so deep."""


def without_secrets(answer: Any, redactor: Redactor) -> Any:
    """Return what a hook, a route or a task answered, without the secrets that the call has read.

    Args:
        answer: A value as the runtime lifts it, or a response, which is changed in place.
        redactor: The call's own; it knows what was read.
    """
    if not isinstance(answer, HttpResponse):
        return redactor.redact_value(answer, _MOST_DEPTH)
    for name, value in list(answer.items()):
        answer[name] = redactor.redact(value)
    text = answer.content.decode(errors="surrogateescape")  # which bytes of any kind survive
    answer.content = redactor.redact(text).encode(errors="surrogateescape")
    return answer
