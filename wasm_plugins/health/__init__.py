"""Keeps a plugin that fails from harming anybody else: circuit breaker, bulkhead, quarantine."""

from .deaths import count_deaths
from .gate import Watch, loading, tried, watched

__all__ = ["Watch", "count_deaths", "loading", "tried", "watched"]
