"""Scheme, host and port, as those who send requests know them."""

from __future__ import annotations

from ...scopes.origins import DEFAULT_PORTS, HOST_CHARS, Origin, check_target, parse_origin

__all__ = ["DEFAULT_PORTS", "HOST_CHARS", "Origin", "check_target", "parse_origin"]
