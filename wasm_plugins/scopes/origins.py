"""Scheme, host and port in one normal form; what could be read in two ways is refused, never repaired.

Two parsers that disagree about a host are how a request that was checked for one goes to another (RFC 3986, section
7.6), so this knows one spelling of each host and two leniencies: letter case, and one trailing dot.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

HOST_CHARS: Final = 253
"""Longest host name, in characters (RFC 1035, section 2.3.4)."""

DEFAULT_PORTS: Final = {"http": 80, "https": 443}

_AUTHORITY: Final = re.compile(r"(\[[0-9A-Fa-f:]{2,39}\]|[0-9A-Za-z.-]{1,254})(?::([1-9][0-9]{0,4}))?", re.ASCII)
_LABEL: Final = re.compile(r"[0-9a-z](?:[0-9a-z-]{0,61}[0-9a-z])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")  # a last label that some take for an address (WHATWG URL)
_TARGET: Final = re.compile(r"/[!-\"$-\[\]-~]*")  # visible ASCII without # and \


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request goes."""

    scheme: str
    host: str
    """A lower-case name, or an address as Python's ``ipaddress`` writes it, an IPv6 one without brackets."""
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Host and port as the header ``Host`` has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse_origin(scheme: str, authority: str) -> Origin:
    """Read a scheme and an authority strictly.

    Raises:
        ValueError: They are not in the one spelling that this takes; the text says why.
    """
    if scheme.lower() not in DEFAULT_PORTS:
        raise ValueError("the scheme is neither http nor https")
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        raise ValueError("the authority is no plain host with an optional port")
    port = int(found[2] or DEFAULT_PORTS[scheme.lower()])
    if port > 65_535:
        raise ValueError(f"there is no port {port}")
    return Origin(scheme.lower(), _host(found[1].lower()), port)


def _host(text: str) -> str:
    if text.startswith("["):
        return _address(text[1:-1])
    name = text.removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _address(text)
    if len(name) > HOST_CHARS or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("the host is no name of letters, digits and inner hyphens between single dots")
    return name


def _address(text: str) -> str:
    """Take an address in its usual spelling alone: octal, hexadecimal, short and mapped ones are refused."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError("the host looks like an address and is none in its usual spelling") from None
    is_mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    if str(address) != text or is_mapped:
        raise ValueError("the host is an address in an unusual spelling")
    return text


def check_target(target: str) -> None:
    """Refuse a path and query that is not visible ASCII, or has a fragment or a backslash.

    Raises:
        ValueError: It is not as said.
    """
    if _TARGET.fullmatch(target) is None:
        raise ValueError("the path must begin with / and be visible ASCII without # and backslash")
