"""The arguments of a command line as the values of WIT types."""

from __future__ import annotations

from typing import Any

from wasm_plugins.kit.failures import Usage
from wasm_plugins.runtime import json_values
from wasm_plugins.runtime.json_values import is_json, to_json
from wasm_plugins.runtime.wit import WitType
from wasm_plugins.typed_text import read_typed

__all__ = ["argument", "from_json", "is_json", "to_json"]


def argument(text: str, of: WitType, name: str) -> Any:
    """Return the value of one argument of the command line; a text may stand there without quotes.

    Raises:
        Usage: It is no JSON, or not of the shape of its type.
    """
    try:
        return read_typed(text, of, name)
    except json_values.NotOfType as error:
        raise Usage(str(error)) from None


def from_json(value: Any, of: WitType, at: str) -> Any:
    """Return the Python value that the runtime lowers as a WIT type; numbers and texts are checked there.

    Raises:
        Usage: The value has another shape than the type.
    """
    try:
        return json_values.from_json(value, of, at)
    except json_values.NotOfType as error:
        raise Usage(str(error)) from None
