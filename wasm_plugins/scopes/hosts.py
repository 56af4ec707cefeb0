"""Which hosts a plugin may send requests to, read from the scope of its grant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .origins import Origin, parse_origin

MOST_HOSTS: Final = 64
"""Hosts that one grant may name."""

_ENTRY: Final = re.compile(r"(https?)://(\*\.)?([^/?#@\\\s]{1,259})")
_FLAGS: Final = ("in_transaction", "private")


@dataclass(frozen=True, slots=True)
class HostPattern:
    """One host, or all names below one."""

    origin: Origin
    is_suffix: bool

    def matches(self, origin: Origin) -> bool:
        """Tell whether a request may go there: scheme and port are equal, and the host is, or lies below."""
        same = (origin.scheme, origin.port) == (self.origin.scheme, self.origin.port)
        below = self.is_suffix and origin.host.endswith(f".{self.origin.host}")
        return same and (below or (not self.is_suffix and origin.host == self.origin.host))

    def covers(self, other: HostPattern) -> bool:
        """Tell whether all that the other one matches is matched."""
        return self == other or (self.is_suffix and self.matches(other.origin))


@dataclass(frozen=True, slots=True)
class HttpGrant:
    """Where one plugin may send requests, and when; immutable."""

    hosts: tuple[HostPattern, ...] = ()
    """None: nowhere."""

    in_transaction: bool = False
    """Also while a transaction may hold locks."""

    private: bool = False
    """Also to addresses of the private networks that the project lets plugins reach."""

    @classmethod
    def from_scope(cls, scope: Mapping[str, object]) -> HttpGrant:
        """Read ``{"hosts": ["https://api.example.com", "https://*.example.org:8443"], "in_transaction": false}``.

        Raises:
            ValueError: The scope has another shape, or a host is in no spelling that this takes.
        """
        unknown = sorted(str(key) for key in scope if key not in ("hosts", *_FLAGS))
        if unknown:
            raise ValueError(f"unknown key {unknown[0]!r:.80} in an http scope; known are hosts, {', '.join(_FLAGS)}")
        hosts = scope.get("hosts", [])
        if not isinstance(hosts, (list, tuple)):
            raise ValueError(f"hosts is {type(hosts).__name__}, not a list")
        if len(hosts) > MOST_HOSTS:
            raise ValueError(f"{len(hosts)} hosts are named; at most {MOST_HOSTS} are allowed")
        return cls(tuple(_pattern(entry) for entry in hosts), *(_flag(scope, name) for name in _FLAGS))

    def allows(self, origin: Origin) -> bool:
        """Tell whether a request may go to an origin."""
        return any(pattern.matches(origin) for pattern in self.hosts)

    def covers(self, other: HttpGrant) -> bool:
        """Tell whether the other grant lets a plugin do nothing that this one does not."""
        return (
            all(any(mine.covers(theirs) for mine in self.hosts) for theirs in other.hosts)
            and (self.in_transaction or not other.in_transaction)
            and (self.private or not other.private)
        )


def _pattern(entry: object) -> HostPattern:
    found = _ENTRY.fullmatch(entry) if isinstance(entry, str) else None
    if found is None:
        raise ValueError(f"host {entry!r:.80} is not written as https://api.example.com or https://*.example.com:8443")
    scheme, wildcard, authority = found.groups()
    try:
        origin = parse_origin(scheme, authority)
    except ValueError as error:
        raise ValueError(f"host {entry!r:.80}: {error}") from None
    if wildcard and ("." not in origin.host or origin.host.rpartition(".")[2].isdigit() or ":" in origin.host):
        raise ValueError(f"host {entry!r:.80}: what follows *. must be a name of two parts at least")
    return HostPattern(origin, bool(wildcard))


def _flag(scope: Mapping[str, object], name: str) -> bool:
    value = scope.get(name, False)
    if not isinstance(value, bool):
        raise ValueError(f"{name} is {value!r:.80}; it must be true or false")
    return value
