"""Outbound HTTP: what a plugin may reach, and how a request goes there and nowhere else."""

from __future__ import annotations

from typing import Final

from ...runtime.wasi.http import http_interfaces
from .exchange import HttpExchange

INTERFACES: Final = http_interfaces(HttpExchange())
"""``wasi:http/types`` and ``wasi:http/outgoing-handler``."""
