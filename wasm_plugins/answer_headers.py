"""Which headers of a plugin's answer reach the caller, each by a rule of its own; no other does."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from django.utils.http import content_disposition_header, parse_header_parameters, parse_http_date_safe
from django.utils.http import url_has_allowed_host_and_scheme as is_on_site

from .exceptions import AnswerRefused, LimitExceeded
from .runtime.log import CallLog

MOST_HEADERS: Final = 64
HEADER_CHARS: Final = 4_096
"""Longest name or value."""

MAX_AGE_S: Final = 86_400
"""How long a shared cache may keep an answer at most, in seconds: that long a plugin that was switched off is seen."""

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_VALUE: Final = re.compile(r"[\x20-\x7e\xa0-\xff]*")  # RFC 9110, 5.5, without tabs
_LANGUAGE: Final = re.compile(r"[A-Za-z0-9-]{1,35}(, ?[A-Za-z0-9-]{1,35})*")
_TAG: Final = re.compile(r'(W/)?"[\x21\x23-\x7e]*"')  # RFC 9110, 8.8.3
_NAMES: Final = re.compile(r"\*|[A-Za-z0-9-]+(, ?[A-Za-z0-9-]+)*")
_LOCATION: Final = re.compile(r"(/|[A-Za-z0-9_~.-]+(?=[/?#]|$)|\?)[A-Za-z0-9._~!$&'()*+,;=:@%/?#-]*")  # RFC 3986, 4.2
_CACHING: Final = re.compile(r"no-store|no-cache|private|public|must-revalidate|max-age=[0-9]{1,9}")
_NAMELESS: Final = re.compile(r"[^\w .()-]|^\.+", re.ASCII)
_FILE_NAME_CHARS: Final = 150
_SHOWN_CHARS: Final = 40


def _as_it_is(pattern: re.Pattern[str]) -> Callable[[str], str | None]:
    return lambda value: value if pattern.fullmatch(value) else None


def _location(value: str) -> str | None:
    """Take a path of this site, and nothing that some browser could read as another site's address."""
    path = value.partition("?")[0].partition("#")[0]
    is_ours = _LOCATION.fullmatch(value) and "//" not in path and is_on_site(value, allowed_hosts=None)
    return value if is_ours else None


def _disposition(value: str) -> str | None:
    """Write it anew, with a file name of plain characters."""
    try:
        kind, parameters = parse_header_parameters(value)
    except (ValueError, LookupError):
        return None
    if kind not in ("attachment", "inline"):
        return None
    name = _NAMELESS.sub("_", parameters.get("filename", ""))[:_FILE_NAME_CHARS]
    return content_disposition_header(kind == "attachment", name) or kind


def _date(value: str) -> str | None:
    return value if parse_http_date_safe(value) is not None else None


_RULES: Final[Mapping[str, Callable[[str], str | None]]] = {
    "cache-control": str.lower,
    "content-disposition": _disposition,
    "content-language": _as_it_is(_LANGUAGE),
    "content-type": str.lower,
    "etag": _as_it_is(_TAG),
    "last-modified": _date,
    "location": _location,
    "vary": _as_it_is(_NAMES),
}

PASSED_RESPONSE_HEADERS: Final = frozenset(_RULES)
"""What a plugin may say of its answer: nothing that touches the session, the connection or another page."""


def checked_headers(headers: Sequence[tuple[str, str]], export: str, log: CallLog) -> dict[str, str]:
    """Return the headers that pass, by lower-case name; the names of others are logged.

    Args:
        headers: As the plugin wrote them.
        export: The handler, for the error.
        log: That of the call: its names are the plugin's words, like all others in it.

    Raises:
        LimitExceeded: There are too many, or one is too long.
        AnswerRefused: One is no header by its grammar, breaks its rule, or is said twice.
    """
    _check_sizes(headers, export)
    passed: dict[str, str] = {}
    dropped = []
    for spelt, value in headers:
        name = spelt.lower()
        if not _NAME.fullmatch(spelt) or not _VALUE.fullmatch(value):
            raise _refused(spelt, "which is none", export, log)
        if name not in _RULES:
            dropped.append(spelt)
            continue
        ruled = _RULES[name](value.strip(" "))
        if ruled is None or name in passed:
            raise _refused(spelt, "with a value that it must not have" if ruled is None else "twice", export, log)
        passed[name] = ruled
    if dropped:
        names = ", ".join(log.redactor.redact_start(each, _SHOWN_CHARS) for each in dropped)
        log.write("warn", f"{export} answered headers that were dropped: {names}")
    return passed


def _check_sizes(headers: Sequence[tuple[str, str]], export: str) -> None:
    if len(headers) > MOST_HEADERS:
        raise LimitExceeded(
            f"{export} answered {len(headers)} headers; the limit is {MOST_HEADERS}",
            export=export,
            limit="response_headers",
        )
    longest = max((len(part) for pair in headers for part in pair), default=0)
    if longest > HEADER_CHARS:
        raise LimitExceeded(
            f"{export} answered a header of {longest} characters; the limit is {HEADER_CHARS}",
            export=export,
            limit="response_header_chars",
        )


def _refused(name: str, why: str, export: str, log: CallLog) -> AnswerRefused:
    shown = log.redactor.redact_start(name, _SHOWN_CHARS)  # before it is cut: a part of a secret is one too
    return AnswerRefused(f"{export} answered a header {shown!a} {why}", export=export)


def caching(wanted: str | None, *, is_cacheable: bool) -> str:
    """Return the value of ``Cache-Control``: the plugin's own where anybody may see the answer; else none keeps it."""
    words = (wanted or "").replace(" ", "").split(",")
    if not is_cacheable or not all(_CACHING.fullmatch(word) for word in words):
        return "private, no-store"
    return ", ".join(
        f"max-age={min(int(word.removeprefix('max-age=')), MAX_AGE_S)}" if word.startswith("max-age=") else word
        for word in words
    )
