"""What a trial calls, and with what: a hook, a route or a task of one version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class HookCall:
    """A hook with its arguments, as the runtime takes them."""

    name: str
    args: tuple[Any, ...]

    @property
    def said(self) -> str:
        """Name it for the audit trail."""
        return f"hook {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteCall:
    """A route with a request."""

    path: str
    method: str = "GET"
    query: str = ""
    body: str = ""
    content_type: str = "application/json"

    @property
    def said(self) -> str:
        """Name it for the audit trail."""
        return f"route {self.method} {self.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCall:
    """A task with its JSON text."""

    name: str
    text: str = "{}"

    @property
    def said(self) -> str:
        """Name it for the audit trail."""
        return f"task {self.name}"


Target = HookCall | RouteCall | TaskCall
