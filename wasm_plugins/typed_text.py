"""What somebody wrote on a command line, as the value of a WIT type: one rule for operators and for authors."""

from __future__ import annotations

import json
from typing import Any

from .runtime.json_values import NotOfType, from_json
from .runtime.wit import STRING, WitType


def read_typed(text: str, of: WitType, name: str) -> Any:
    """Return the value of one argument, written in JSON.

    A text may stand there without quotes: what is no JSON string is taken as it is, so ``42`` is the text of two
    digits, and quotes are needed only around a text that has quotes of its own at both ends.

    Raises:
        NotOfType: It is no JSON, or not of the shape of its type; the error says which argument and which type.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        if of == STRING:
            return text
        raise NotOfType(f"{name}: {text[:60]} is no JSON; {name} is {of}") from None
    if of == STRING:
        return value if isinstance(value, str) else text
    return from_json(value, of, name)
