"""Takes values that must not be seen out of texts: each value, and the ways in which it is usually written."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from types import MemberDescriptorType
from typing import Final
from urllib.parse import quote, quote_plus

from .needles import Needles
from .values import Err, Ok, Some, Variant

STARS: Final = "***"
"""What stands in a value's place."""

LEAST_CHARS: Final = 4
"""Shorter values are left alone: they stand in too many texts by chance."""


_PREFIX_CHARS: Final = 8
"""So many characters of the beginning of a value at the end of something that was cut are taken for it."""

_MOST_CHARS: Final = 192 * 1024 * 1024
"""How much is searched at most for one text, in characters, each counted once for every value that may be in it."""

_MOST_BEGINNINGS: Final = 1_000
"""How many beginnings of values are taken out of one text."""

_MOST_DEPTH: Final = 8
"""How deep in lists and records texts are looked for; an exception's attribute may even contain itself."""

_MOST_CAUSES: Final = 256
"""Exceptions behind one another, or in one group, that are looked at."""


class _TooMuch(Exception):
    """A text would take too long to look through."""


class _Work:
    """What looking through one text may still take."""

    def __init__(self) -> None:
        self._chars = _MOST_CHARS
        self._beginnings = _MOST_BEGINNINGS

    def search(self, text: str) -> None:
        self._chars -= len(text)
        if self._chars < 0:
            raise _TooMuch

    def compare(self) -> None:
        self._beginnings -= 1
        if self._beginnings < 0:
            raise _TooMuch


class Redactor:
    """Hides the secret values that one call has read.

    It finds a value as it is, line by line where it has several, and in base64 (at any offset), hexadecimal, URL
    encoding, as a JSON or Python literal and in HTML. A plugin that wants to can write it in some other way; this is
    against accidents, and against the rest of what a plugin says being trusted.
    """

    def __init__(self) -> None:
        self._spelt: Final = Needles()
        self._beginnings: Final = Needles()
        self._values: Final[dict[str, list[str]]] = {}

    @property
    def longest(self) -> int:
        """Length of the longest text that is looked for, in characters."""
        return self._spelt.longest

    def hide(self, value: str) -> None:
        """Hide a value from now on; one of less than four characters is not hidden."""
        if len(value) > _PREFIX_CHARS:
            self._beginnings.add(value[:_PREFIX_CHARS])
            self._values.setdefault(value[:_PREFIX_CHARS], []).append(value)
        for each in _spellings(value):
            if len(each) >= LEAST_CHARS:
                self._spelt.add(each)

    def redact(self, text: str) -> str:
        """Return a text without the values; takes time in proportion to its length.

        A text so full of values that it would take longer is stars as a whole.
        """
        work = _Work()
        try:
            for needle in self._spelt.candidates(text):
                work.search(text)
                text = text.replace(needle, STARS)
            for beginning in self._beginnings.candidates(text):
                work.search(text)
                if beginning in text:
                    for value in self._values[beginning]:
                        text = _without_beginnings(text, value, work)
        except _TooMuch:
            return STARS
        return text

    def redact_start(self, text: str, most_chars: int, *, is_cut: bool = False) -> str:
        """Return the beginning of a text without the values, and without the part of one where it was cut.

        Args:
            text: Any text; of a long one only the beginning is looked at.
            most_chars: How much of it is wanted.
            is_cut: Whether the text is itself the beginning of a longer one.
        """
        kept = self.redact(text[: most_chars + self.longest])
        if is_cut or len(text) > most_chars + self.longest:
            kept = kept[: max(0, len(kept) - self.longest)]  # where a value may begin whose end is not there
        return kept[:most_chars]

    def redact_value(self, value: object, depth: int = _MOST_DEPTH) -> object:
        """Return texts, and lists, records and variants of texts, without the values; anything else as it is."""
        if depth == 0 or not self.longest:
            return value
        again = partial(self.redact_value, depth=depth - 1)
        kind = type(value)  # exactly: a subclass, such as a named tuple, could not be made again from its parts
        if isinstance(value, str) and kind is str:
            return self.redact(value)
        if isinstance(value, bytes) and kind is bytes:
            return self.redact(value.decode("latin-1")).encode("latin-1")
        if isinstance(value, Variant):
            return Variant(value.case, again(value.payload))
        if isinstance(value, (Ok, Err, Some)):
            return type(value)(again(value.value))
        if isinstance(value, dict) and kind is dict:
            return {again(key): again(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)) and kind in (list, tuple):
            return kind(map(again, value))
        return value


def redact_error(error: BaseException, redactor: Redactor) -> None:
    """Take the values out of an exception and out of those that led to it or are in its group, in place.

    That is out of arguments and attributes, those among them that C code or ``__slots__`` keep, such as
    ``OSError.filename``. What cannot be set stays, as the message of a group does.
    """
    todo: list[BaseException | None] = [error] if redactor.longest else []
    seen: set[int] = set()
    while todo and len(seen) < _MOST_CAUSES:
        each = todo.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        for name in _attributes(each):
            with suppress(Exception):  # the failure stays what it is, whatever its own __setattr__ raises
                value = getattr(each, name)
                if (redacted := redactor.redact_value(value)) is not value:
                    setattr(each, name, redacted)
        todo += [each.__cause__, each.__context__]
        todo += each.exceptions if isinstance(each, BaseExceptionGroup) else ()


def _attributes(error: BaseException) -> list[str]:
    """List what an exception keeps: its arguments, what is in its dictionary, and what its classes have room for."""
    room = [
        name for kind in type(error).__mro__ for name, at in vars(kind).items() if isinstance(at, MemberDescriptorType)
    ]
    return ["args", *vars(error), *room]


def _without_beginnings(text: str, value: str, work: _Work) -> str:
    """Return a text without what is left of a value of which somebody has cut off the end."""
    parts, begin = [], 0
    while (at := text.find(value[:_PREFIX_CHARS], begin)) >= 0:
        work.compare()
        parts += [text[begin:at], STARS]
        begin = at + _in_common(text[at : at + len(value)], value)
    return "".join([*parts, text[begin:]])


def _in_common(text: str, value: str) -> int:
    """Return how many characters two texts begin with that are the same."""
    least, most = 0, min(len(text), len(value))
    while least < most:
        middle = (least + most + 1) // 2
        if text[least:middle] == value[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _spellings(value: str) -> Iterator[str]:
    """List how a value may be written, some of them several times."""
    yield value
    yield from (line.strip() for line in value.splitlines())
    yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1])
    yield from (quote(value, safe=""), quote(value), quote_plus(value), html.escape(value))
    encoded = value.encode(errors="replace")
    yield from (encoded.hex(), encoded.hex().upper())
    if len(value) >= LEAST_CHARS:
        yield from _base64(encoded)


def _base64(data: bytes) -> Iterator[str]:
    """List the characters that data alone decides, wherever in a longer text it begins."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + data).decode()
        begin = (0, 2, 3)[before]
        end = len(whole) - (0, 3, 2)[(before + len(data)) % 3]
        core = whole[begin:end]
        yield core
        yield core.replace("+", "-").replace("/", "_")
