"""Between JSON, as people write it, and the values of WIT types.

A record is an object, a tuple and a list an array, ``list<u8>`` an array of numbers or a text (its UTF-8), an enum a
text, flags an array of texts, an option ``null`` or the value, a variant ``{"case": payload}`` or, without a payload,
``"case"``, a result ``{"ok": value}`` or ``{"err": value}``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .values import Err, Ok, Some, Variant
from .wit import (
    U8,
    FlagsOf,
    ListOf,
    OptionOf,
    RecordOf,
    ResultOf,
    TupleOf,
    VariantOf,
    WitType,
)


class NotOfType(ValueError):
    """A JSON value has another shape than a type; the text says where."""


def is_json(text: str) -> bool:
    """Tell whether a text is JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def from_json(value: Any, of: WitType, at: str) -> Any:
    """Return the Python value that the runtime lowers as a WIT type; numbers and texts are checked there.

    Raises:
        NotOfType: The value has another shape than the type.
    """
    match of:
        case ListOf(element) if element == U8 and isinstance(value, str | bytes):
            return value.encode() if isinstance(value, str) else value
        case ListOf(element):
            items = [
                from_json(each, element, f"{at}[{number}]") for number, each in enumerate(_as(list, value, of, at))
            ]
            return _bytes(items, at) if element == U8 else items
        case TupleOf(types):
            if len(_as(list, value, of, at)) != len(types):
                raise NotOfType(f"{at}: {len(value)} values; it must be {of}")
            return tuple(from_json(each, one, at) for each, one in zip(value, types, strict=True))
        case RecordOf(fields):
            entries = _as(dict, value, of, at)
            _check_names(entries, [name for name, _ in fields], of, at)
            return {name: from_json(entries.get(name), one, f"{at}.{name}") for name, one in fields}
        case OptionOf(some):
            return None if value is None else from_json(value, some, at)
        case FlagsOf(names):
            _check_names(_as(list, value, of, at), names, of, at)
            return frozenset(value)
        case VariantOf(cases):
            return _variant(value, dict(cases), of, at)
        case ResultOf(ok, err):
            found = _variant(value, {"ok": ok, "err": err}, of, at)
            return Ok(found.payload) if found.case == "ok" else Err(found.payload)
    return value


def _variant(value: Any, cases: Mapping[str, WitType | None], of: WitType, at: str) -> Variant:
    entries = {value: None} if isinstance(value, str) else _as(dict, value, of, at)
    _check_names(entries, cases, of, at)
    if len(entries) != 1:
        raise NotOfType(f"{at}: {len(entries)} cases; it must be one of {of}")
    ((case, payload),) = entries.items()
    inner = cases[case]
    if inner is None and payload is not None:
        raise NotOfType(f"{at}: the case {case} of {of} has no payload; write {json.dumps(case)}")
    return Variant(case, None if inner is None else from_json(payload, inner, f"{at}.{case}"))


def _check_names(found: Iterable[Any], names: Collection[str], of: WitType, at: str) -> None:
    for each in found:
        if each not in names:
            raise NotOfType(f"{at}: {json.dumps(each)[:60]} is no part of {of}")


def _as(kind: type, value: Any, of: WitType, at: str) -> Any:
    if not isinstance(value, kind):
        wanted = "an object" if kind is dict else "an array"
        raise NotOfType(f"{at}: {json.dumps(value)[:60]} is not {wanted}; it must be {of}")
    return value


def _bytes(items: list[Any], at: str) -> bytes:
    try:
        return bytes(items)
    except (TypeError, ValueError):
        raise NotOfType(f"{at}: the items of list<u8> are numbers from 0 to 255") from None


def to_json(value: Any) -> Any:
    """Return plain values that say what the runtime lifted; bytes that are no text are numbers."""
    match value:
        case Ok(inner):
            return {"ok": to_json(inner)}
        case Err(inner):
            return {"err": to_json(inner)}
        case Some(inner):
            return to_json(inner)
        case Variant(case, payload):
            return case if payload is None else {case: to_json(payload)}
        case Mapping():
            return {str(name): to_json(each) for name, each in value.items()}
        case list() | tuple() | frozenset():
            return [to_json(each) for each in (sorted(value) if isinstance(value, frozenset) else value)]
        case bytes():
            return _text_or_numbers(value)
    return value


def _text_or_numbers(data: bytes) -> str | list[int]:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return list(data)
