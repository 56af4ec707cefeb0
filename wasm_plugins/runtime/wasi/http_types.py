"""The types of ``wasi:http``, and what passes between its resources and whoever sends the requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..state import CallState
from ..values import Variant
from ..wit import STRING, U8, U16, U32, U64, OptionOf, RecordOf, VariantOf

Header = tuple[str, bytes]
"""Name and value, as they are sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as the plugin made it: nothing in it was compared with what the plugin may do."""

    method: str
    """A token of RFC 9110, in the plugin's spelling."""

    scheme: str
    """``http``, ``https``, or anything else; empty where the plugin names none."""

    authority: str
    """Host and port as one text, or anything else; empty where the plugin names none."""

    target: str
    """Path and query, or anything else."""

    headers: tuple[Header, ...]
    """Well-formed, none of those that belong to the host."""

    body: bytes

    connect_ns: int | None = None
    """How long the plugin lets connecting take, in nanoseconds, or ``None``."""

    first_byte_ns: int | None = None
    """How long it waits for the answer's first byte."""

    between_bytes_ns: int | None = None
    """How long it waits for each of the next ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """A response, whole."""

    status: int
    headers: tuple[Header, ...]
    body: bytes


class HttpFailed(Exception):
    """There is no response; the plugin gets to know why and goes on.

    Attributes:
        error: A value of ``error-code``.
    """

    def __init__(self, case: str, payload: object = None) -> None:
        """Say why by a case of ``error-code``."""
        super().__init__(case)
        self.error: Final = Variant(case, payload)


Exchange = Callable[[CallState, HttpRequest], HttpAnswer]
"""Sends a request and waits for the whole response, or raises ``HttpFailed``."""

METHODS: Final = ("get", "head", "post", "put", "delete", "connect", "options", "trace", "patch")
"""The cases of ``method`` that carry nothing."""

METHOD: Final = VariantOf((*((name, None) for name in METHODS), ("other", STRING)))
SCHEME: Final = VariantOf((("HTTP", None), ("HTTPS", None), ("other", STRING)))
HEADER_ERROR: Final = VariantOf((("invalid-syntax", None), ("forbidden", None), ("immutable", None)))

_DNS_ERROR: Final = RecordOf((("rcode", OptionOf(STRING)), ("info-code", OptionOf(U16))))
_ALERT: Final = RecordOf((("alert-id", OptionOf(U8)), ("alert-message", OptionOf(STRING))))
_FIELD_SIZE: Final = RecordOf((("field-name", OptionOf(STRING)), ("field-size", OptionOf(U32))))

ERROR_CODE: Final = VariantOf(
    (
        ("DNS-timeout", None),
        ("DNS-error", _DNS_ERROR),
        ("destination-not-found", None),
        ("destination-unavailable", None),
        ("destination-IP-prohibited", None),
        ("destination-IP-unroutable", None),
        ("connection-refused", None),
        ("connection-terminated", None),
        ("connection-timeout", None),
        ("connection-read-timeout", None),
        ("connection-write-timeout", None),
        ("connection-limit-reached", None),
        ("TLS-protocol-error", None),
        ("TLS-certificate-error", None),
        ("TLS-alert-received", _ALERT),
        ("HTTP-request-denied", None),
        ("HTTP-request-length-required", None),
        ("HTTP-request-body-size", OptionOf(U64)),
        ("HTTP-request-method-invalid", None),
        ("HTTP-request-URI-invalid", None),
        ("HTTP-request-URI-too-long", None),
        ("HTTP-request-header-section-size", OptionOf(U32)),
        ("HTTP-request-header-size", OptionOf(_FIELD_SIZE)),
        ("HTTP-request-trailer-section-size", OptionOf(U32)),
        ("HTTP-request-trailer-size", _FIELD_SIZE),
        ("HTTP-response-incomplete", None),
        ("HTTP-response-header-section-size", OptionOf(U32)),
        ("HTTP-response-header-size", _FIELD_SIZE),
        ("HTTP-response-body-size", OptionOf(U64)),
        ("HTTP-response-trailer-section-size", OptionOf(U32)),
        ("HTTP-response-trailer-size", _FIELD_SIZE),
        ("HTTP-response-transfer-coding", OptionOf(STRING)),
        ("HTTP-response-content-coding", OptionOf(STRING)),
        ("HTTP-response-timeout", None),
        ("HTTP-upgrade-failed", None),
        ("HTTP-protocol-error", None),
        ("loop-detected", None),
        ("configuration-error", None),
        ("internal-error", OptionOf(STRING)),
    )
)
"""Why there is no response, after the IANA registry of HTTP proxy error types."""
