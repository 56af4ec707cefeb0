"""Which IP addresses a plugin's request may go to: those of the public internet, whatever a name resolves to.

The lists are IANA's special-purpose registries for IPv4 and IPv6 (RFC 6890) and what clouds answer their machines on.
Python's own ``is_global`` is no substitute: it takes 168.63.129.16 for one of the public.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_V4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private: RFC 1918
            "100.64.0.0/10",  # carrier-grade NAT: RFC 6598
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # Azure's own services for its machines
            "169.254.0.0/16",  # link-local, and most clouds' metadata
            "172.16.0.0/12",  # private: RFC 1918
            "192.0.0.0/24",  # IETF assignments
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",  # private: RFC 1918
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
_V6_PUBLIC: Final = IPv6Network("2000::/3")
_V6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # IETF assignments, Teredo among them
            "2001:db8::/32",  # documentation
            "3fff::/20",  # documentation
        ),
    )
)
_NAT64: Final = IPv6Network("64:ff9b::/96")  # RFC 6052
_SIX_TO_FOUR: Final = IPv6Network("2002::/16")  # RFC 3056

NEVER: Final[tuple[Network, ...]] = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("100.100.100.200/32"),  # Alibaba's services for its machines
    IPv4Network("192.0.0.192/32"),  # Oracle's
    IPv4Network("168.63.129.16/32"),
    IPv4Network("169.254.0.0/16"),
    IPv4Network("224.0.0.0/4"),
    IPv4Network("240.0.0.0/4"),
    IPv6Network("::/128"),
    IPv6Network("fd00:ec2::/32"),  # Amazon's services for its machines
    IPv6Network("fd20:ce::254/128"),  # Google's
    IPv6Network("fe80::/10"),
    IPv6Network("ff00::/8"),
)
"""What no project can open: there a machine's own credentials are to be had, or everybody listens."""


def is_allowed(address: Address, private: Iterable[Network] = ()) -> bool:
    """Tell whether a request may go to an address.

    Args:
        address: Where a connection would go.
        private: Networks that are not public and allowed all the same.
    """
    return is_public(address) or (_is_in(address, tuple(private)) and not _is_never(address))


def _is_never(address: Address) -> bool:
    """Tell whether no project can open an address, or the IPv4 one inside it: a connection ends there."""
    inner = _inside(address) if isinstance(address, IPv6Address) else None
    return _is_in(address, NEVER) or (inner is not None and _is_in(inner, NEVER))


def is_public(address: Address) -> bool:
    """Tell whether an address, and the IPv4 one inside it if it has one, belongs to the public internet."""
    if isinstance(address, IPv4Address):
        return not _is_in(address, _V4)
    inner = _inside(address)
    if inner is not None:
        return is_public(inner)
    return address in _V6_PUBLIC and not _is_in(address, _V6)


def _inside(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that a translated or tunnelled one ends at."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _SIX_TO_FOUR:
        return IPv4Address(int(address) >> 80 & 0xFFFF_FFFF)
    return address.ipv4_mapped


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def all_allowed(texts: Sequence[str], private: Sequence[Network]) -> bool:
    """Tell whether every one of a name's addresses is allowed: one that is not, and the name is not trusted at all."""
    return all(is_allowed(ip_address(text), private) for text in texts)
