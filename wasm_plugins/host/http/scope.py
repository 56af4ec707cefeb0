"""Which hosts a plugin may reach, as those who send its requests know it."""

from __future__ import annotations

from ...scopes.hosts import HttpGrant

__all__ = ["HttpGrant"]
