"""What calling a hook returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .exceptions import PluginError


@dataclass(frozen=True, slots=True, kw_only=True)
class HookResult:
    """One plugin's answer to a hook."""

    plugin: str
    """Who answered."""

    version: int
    """Which version of it."""

    value: Any = None
    """The answer, or ``None`` where there is an error. It comes from a plugin: show it as text, never as markup."""

    error: PluginError | None = None
    """Why there is no answer, for hooks that skip errors."""

    elapsed_ms: float = 0.0
    """How long it took, in milliseconds."""


class HookResults(list[HookResult]):
    """The answers of all plugins in order; empty when nobody answers."""

    # No __init__: a hook that nobody answers makes one of these, and must cost next to nothing.
    value: Any = None
    """What the hook amounts to. Of mode ``filter`` the last answer, or the first argument where nobody answered; of
    mode ``first`` the first answer that is not none; otherwise ``None``."""

    @property
    def values(self) -> list[Any]:
        """The answers without the errors."""
        return [result.value for result in self if result.error is None]

    @property
    def errors(self) -> list[PluginError]:
        """What was skipped."""
        return [result.error for result in self if result.error is not None]
