"""What a plugin declares, as frozen values that hold only what passed every check of ``manifest_reader``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

NAME_CHARS: Final = 63
PATH_CHARS: Final = 200
TEXT_CHARS: Final = 1_000
TOML_BYTES: Final = 64 * 1024
MOST_ENTRIES: Final = 64
"""Hooks, routes or tasks that one plugin may declare."""

TOML_SECTION: Final = "plugin.toml"
"""Name of the custom section that carries ``plugin.toml``."""

DEFAULT_PRIORITY: Final = 100
ACCESS_WORDS: Final = ("public", "authenticated", "staff")
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class HookDeclaration:
    """A hook that the plugin answers."""

    name: str
    priority: int = DEFAULT_PRIORITY
    """Smaller answers first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteDeclaration:
    """A path that the plugin serves."""

    path: str
    """Begins with ``/<plugin-name>/`` or is ``/<plugin-name>``."""

    handler: str
    process_as_task: bool = False
    methods: tuple[str, ...] = ("GET", "POST")
    access: str = "authenticated"
    """``public``, ``authenticated``, ``staff``, or a Django permission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskDeclaration:
    """A function that the plugin wants to be run later."""

    name: str
    queue: str = ""
    """RQ queue; empty means the project's default."""

    timeout_s: int | None = None
    """Wall-clock budget of one run, in seconds; ``None`` means the project's default."""

    max_retries: int = 0

    schedule: str = ""
    """When to run by itself, as a cron expression of five fields; empty means only when asked to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Everything that one version of a plugin declares."""

    name: str
    hooks: tuple[HookDeclaration, ...] = ()
    routes: tuple[RouteDeclaration, ...] = ()
    tasks: tuple[TaskDeclaration, ...] = ()
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    """Scopes that the plugin asks for by capability; which capabilities it needs follows from its imports."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """JSON schema of its settings as ``settings_schema`` takes it, or nothing for a plugin that has none."""

    version: str = ""
    title: str = ""
    description: str = ""
    author: str = ""
    homepage: str = ""
    license: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return plain values, ready for a JSON column."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Manifest:
        """Return the manifest that ``as_json`` made these values of."""
        return cls(
            **{
                **stored,
                "hooks": tuple(HookDeclaration(**each) for each in stored["hooks"]),
                "routes": tuple(
                    RouteDeclaration(**{**each, "methods": tuple(each["methods"])}) for each in stored["routes"]
                ),
                "tasks": tuple(TaskDeclaration(**each) for each in stored["tasks"]),
            }
        )
