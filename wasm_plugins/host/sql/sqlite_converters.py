"""Makes a value that Django's converters cannot read an error for a plugin, where they answer ``None``.

SQLite keeps any text in a column of dates. Django reads what is no date as ``None``, so a plugin would take a value
for a null. Converters belong to the whole process, so those of Django are wrapped once, and are strict only on a thread
that runs a plugin's statement; the host reads as before.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final

from django.utils import dateparse

_DJANGOS: Final[dict[str, Callable[[str], object]]] = {
    "DATE": dateparse.parse_date,
    "TIME": dateparse.parse_time,
    "DATETIME": dateparse.parse_datetime,
    "TIMESTAMP": dateparse.parse_datetime,
}
"""The converters that answer ``None``, as ``django.db.backends.sqlite3.base`` registers them."""

_installing: Final = threading.Lock()
_installed: Final[set[str]] = set()


class _Strict(threading.local):
    is_on = False


_strict: Final = _Strict()


@contextmanager
def strict_converters() -> Iterator[None]:
    """Let converters raise ``ValueError`` on this thread instead of answering ``None``."""
    _install()
    _strict.is_on = True
    try:
        yield
    finally:
        _strict.is_on = False


def _install() -> None:
    registered: dict[str, Any] = getattr(sqlite3, "converters", {})  # not documented, so it may be gone one day
    with _installing:
        for name, parse in _DJANGOS.items():
            found = registered.get(name) or _decoded(parse)
            if name not in registered and name in _installed:
                continue
            if not hasattr(found, "is_strict_for_plugins"):
                _installed.add(name)
                sqlite3.register_converter(name, _wrapped(found))


def _decoded(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: parse(data.decode())


def _wrapped(convert: Callable[[bytes], object]) -> Callable[[bytes], object]:
    @wraps(convert)
    def strict(data: bytes) -> object:
        value = convert(data)
        if value is None and _strict.is_on:
            raise ValueError("a value is not of the type of its column")
        return value

    strict.is_strict_for_plugins = True  # type: ignore[attr-defined]
    return strict
