"""One frozen state of the registry: which plugin answers which hook, route and task, and in which order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from .capabilities import requested
from .conf import conf, is_safe_mode
from .manifest import Manifest
from .models import Hook, Plugin, PluginVersion, Route, Task
from .settings_values import as_told
from .sleeps import Sleep, sleep_of
from .trust import ENFORCE, load_keys, objection_to
from .tuning import deadline_ms, readable_limits

_Row = TypeVar("_Row", Hook, Route, Task)
_Entry = TypeVar("_Entry", "RouteEntry", "TaskEntry")


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivePlugin:
    """A plugin that is on, with the version that serves."""

    id: int
    name: str
    version_id: int
    version: int
    digest: str
    manifest: Manifest
    grants: Mapping[str, Any]
    """Scope by capability."""

    limits: Mapping[str, int] = field(default_factory=dict)
    """Limits of its own, by the name that they have in ``tuning``; all of them can be used as they are."""

    settings: Mapping[str, str] = field(default_factory=dict)
    """What it reads with ``wasi:config/store`` beside its secrets: text by key, defaults included."""

    sleep: Sleep | None = None
    """What the fleet knew of its circuit breaker when the snapshot was made; ``None`` while it is closed."""

    @property
    def is_recorded(self) -> bool:
        """Whether it has rows in the database: those that a test makes up have ids below zero."""
        return self.id > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteEntry:
    """A path that is served."""

    plugin: ActivePlugin
    path: str
    handler: str
    process_as_task: bool
    methods: tuple[str, ...]
    access: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEntry:
    """A task that can be run, with what was declared and tuned already put together."""

    plugin: ActivePlugin
    name: str
    queue: str
    timeout_s: int
    max_retries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Who answers what."""

    plugins: Mapping[str, ActivePlugin] = field(default_factory=dict)
    """By name."""

    hooks: Mapping[str, tuple[ActivePlugin, ...]] = field(default_factory=dict)
    """By hook name, in the order of answering: priority, then plugin name."""

    routes: Mapping[str, RouteEntry] = field(default_factory=dict)
    """By path."""

    tasks: Mapping[tuple[str, str], TaskEntry] = field(default_factory=dict)
    """By plugin name and task name."""

    def with_sleeps(self, sleeps: Mapping[int, Sleep]) -> Snapshot:
        """Return the same snapshot in which exactly these versions sleep, by id."""
        changed = {
            plugin.name: replace(plugin, sleep=sleeps.get(plugin.version_id))
            for plugin in self.plugins.values()
            if plugin.sleep != sleeps.get(plugin.version_id)
        }
        return self._with(changed) if changed else self

    def _with(self, changed: Mapping[str, ActivePlugin]) -> Snapshot:
        def now(entry: _Entry) -> _Entry:
            plugin = changed.get(entry.plugin.name)
            return entry if plugin is None else replace(entry, plugin=plugin)

        return Snapshot(
            plugins={**self.plugins, **changed},
            hooks={
                name: tuple(changed.get(plugin.name, plugin) for plugin in plugins)
                for name, plugins in self.hooks.items()
            },
            routes={path: now(entry) for path, entry in self.routes.items()},
            tasks={name: now(entry) for name, entry in self.tasks.items()},
        )


EMPTY: Final = Snapshot()


def load_snapshot() -> Snapshot:
    """Read the records and return what they amount to; three queries and one for each kind of declaration."""
    if is_safe_mode():
        return EMPTY
    return join(_active_plugins(), Hook.objects.all(), Route.objects.all(), Task.objects.all())


def join(
    plugins: Mapping[int, ActivePlugin], hooks: Iterable[Hook], routes: Iterable[Route], tasks: Iterable[Task]
) -> Snapshot:
    """Put together the plugins that are on, by id, and the rows of what plugins declare."""
    return Snapshot(
        plugins={plugin.name: plugin for plugin in plugins.values()},
        hooks=_hooks(hooks, plugins),
        routes=_routes(routes, plugins),
        tasks=_tasks(tasks, plugins),
    )


def _active_plugins() -> dict[int, ActivePlugin]:
    rows = (
        Plugin.objects.filter(is_enabled=True, current_version__state=PluginVersion.State.VERIFIED)
        .exclude(current_version__health__quarantined_at__isnull=False)
        .select_related("current_version__health")
        .prefetch_related("grants")
    )
    keys = load_keys() if conf.SIGNATURES == ENFORCE else None
    found = {}
    for row in rows:
        version = row.current_version
        assert version is not None  # the filter saw to it
        if keys is not None and objection_to(version, keys):
            continue
        grants = {grant.capability: grant.scope for grant in row.grants.all()}
        if set(requested(version.imports)) <= grants.keys():
            found[row.pk] = active_plugin(row, version, grants)
    return found


def active_plugin(plugin: Plugin, version: PluginVersion, grants: Mapping[str, Any]) -> ActivePlugin:
    """Return a verified version as it serves, or would serve, with these scopes by capability."""
    return ActivePlugin(
        id=plugin.pk,
        name=plugin.name,
        version_id=version.pk,
        version=version.number,
        digest=version.digest,
        manifest=version.declared,
        grants=grants,
        limits=readable_limits(plugin.limits, plugin.name),
        settings=as_told(version.declared.settings, plugin.settings),
        sleep=sleep_of(getattr(version, "health", None)),  # which no version has that is well
    )


def _hooks(rows: Iterable[Hook], plugins: Mapping[int, ActivePlugin]) -> dict[str, tuple[ActivePlugin, ...]]:
    answering: defaultdict[str, list[tuple[int, str, ActivePlugin]]] = defaultdict(list)
    for row in _declared(rows, plugins):
        plugin = plugins[row.plugin_id]
        priority = row.declared_priority if row.priority is None else row.priority
        answering[row.name].append((priority, plugin.name, plugin))
    return {
        name: tuple(plugin for _, _, plugin in sorted(found, key=lambda each: each[:2]))
        for name, found in answering.items()
    }


def _routes(rows: Iterable[Route], plugins: Mapping[int, ActivePlugin]) -> dict[str, RouteEntry]:
    return {
        row.path: RouteEntry(
            plugin=plugins[row.plugin_id],
            path=row.path,
            handler=row.handler,
            process_as_task=row.process_as_task,
            methods=tuple(row.methods),
            access=row.access or row.declared_access,
        )
        for row in _declared(rows, plugins)
    }


def _tasks(rows: Iterable[Task], plugins: Mapping[int, ActivePlugin]) -> dict[tuple[str, str], TaskEntry]:
    entries = {}
    for row in _declared(rows, plugins):
        plugin = plugins[row.plugin_id]
        entries[plugin.name, row.name] = TaskEntry(
            plugin=plugin,
            name=row.name,
            queue=row.queue or row.declared.get("queue") or conf.QUEUE,
            timeout_s=_first(row.timeout_s, _tuned_timeout_s(plugin), row.declared.get("timeout_s"), task_timeout_s()),
            max_retries=_first(row.max_retries, row.declared.get("max_retries"), 0),
        )
    return entries


def task_timeout_s(plugin: ActivePlugin | None = None) -> int:
    """Return how long a run may take that names no time itself, in whole seconds."""
    return max(1, deadline_ms({} if plugin is None else plugin.limits, "task") // 1000)


def _tuned_timeout_s(plugin: ActivePlugin) -> int | None:
    return task_timeout_s(plugin) if "task_deadline_ms" in plugin.limits else None


def _first(*values: int | None) -> int:
    """Return the first value that somebody set."""
    return next(value for value in values if value is not None)


def _declared(rows: Iterable[_Row], plugins: Mapping[int, ActivePlugin]) -> Iterable[_Row]:
    return (row for row in rows if row.is_enabled and row.is_declared and row.plugin_id in plugins)
