"""Takes the address of a server's API apart."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from wasm_plugins.kit.failures import Usage

MOUNTED_AT: Final = "/plugins-api/"
"""Where the API is taken to be if an address has no path."""


def parts_of(url: str) -> tuple[str, str, int, str]:
    """Return scheme, host in ASCII (RFC 3490), port and path of a server's API.

    Raises:
        Usage: It is no such address, or has parts that a token's way must not have.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise Usage(f"{url} is no address: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
        raise Usage(f"{url} is no address of a server, such as https://shop.example{MOUNTED_AT}")
    if parts.username is not None or parts.query or parts.fragment:
        raise Usage("the server's address has no user, query or fragment: the token comes by another way")
    path = parts.path if parts.path.strip("/") else MOUNTED_AT
    return (
        parts.scheme,
        _ascii_host(parts.hostname),
        port or (443 if parts.scheme == "https" else 80),
        path.rstrip("/") + "/",
    )


def _ascii_host(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise Usage(f"{host} is no name of a server: {error}") from None


def is_this_machine(host: str) -> bool:
    """Tell whether nothing that is sent there leaves this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
