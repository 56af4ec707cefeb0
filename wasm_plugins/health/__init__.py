"""Keeps a plugin that fails from harming anybody else: circuit breaker, bulkhead, quarantine."""

from .deaths import count_deaths
from .gate import loading, watched

__all__ = ["count_deaths", "loading", "watched"]
