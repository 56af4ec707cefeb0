"""WASI 0.2 as host interfaces: what components of ordinary toolchains need to start, and nothing more."""

from __future__ import annotations

from ..linker import HostInterface
from . import cli, clocks, denied, io, random, streams

__all__ = ["wasi_interfaces"]


def wasi_interfaces() -> dict[str, HostInterface]:
    """Return every WASI interface that the host offers, by its name without version.

    None of them needs a grant: there are no files, no network, no environment and no arguments behind them.
    ``wasi:http`` is not among them: ``http.http_interfaces`` makes it, given something that sends requests.
    """
    packages = (io, streams, clocks, random, cli, denied)
    return {interface.name: interface for package in packages for interface in package.INTERFACES}
