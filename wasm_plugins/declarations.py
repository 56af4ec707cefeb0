"""Makes the rows of a plugin's hooks, routes and tasks follow its current version; what an admin tuned survives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from .conf import conf
from .cron import ScheduleError, check_schedule
from .exceptions import ManifestError
from .manifest import HookDeclaration, Manifest, RouteDeclaration, TaskDeclaration
from .models import Hook, Plugin, Route, Task


@transaction.atomic
def follow_manifest(plugin: Plugin) -> None:
    """Write what the current version declares; a row that it no longer declares stays, switched off by that.

    Raises:
        ManifestError: A route of it belongs to another plugin.
    """
    version = plugin.current_version
    manifest = Manifest(name=plugin.name) if version is None else version.declared
    check_routes(manifest)
    _follow_hooks(plugin, manifest)
    _follow_routes(plugin, manifest)
    _follow_tasks(plugin, manifest)


def check_routes(manifest: Manifest) -> None:
    """Refuse a manifest that claims a path of another plugin: whoever was there first keeps it.

    Raises:
        ManifestError: With the path and its owner.
    """
    paths = [route.path for route in manifest.routes]
    taken = Route.objects.filter(path__in=paths).exclude(plugin__name=manifest.name).select_related("plugin").first()
    if taken is not None:
        raise ManifestError(f"{taken.path} belongs to the plugin {taken.plugin.name}", field="routes")


def check_schedules(manifest: Manifest) -> None:
    """Refuse a manifest with a schedule that is due more often than the project allows.

    Raises:
        ManifestError: With the task, its schedule and the limit.
    """
    for task in manifest.tasks:
        try:
            if task.schedule:
                check_schedule(task.schedule, least_interval_s=conf.SCHEDULE_INTERVAL_S)
        except ScheduleError as error:
            said = f"{error} (WASM_PLUGINS_SCHEDULE_INTERVAL_S)"
            raise ManifestError(said, field=f"tasks.{task.name}.schedule") from None


def _follow_hooks(plugin: Plugin, manifest: Manifest) -> None:
    plugin.hooks.exclude(name__in=[hook.name for hook in manifest.hooks]).update(is_declared=False)
    for hook in manifest.hooks:
        _write(Hook, {"plugin": plugin, "name": hook.name}, _hook_columns(hook))


def _follow_routes(plugin: Plugin, manifest: Manifest) -> None:
    plugin.routes.exclude(path__in=[route.path for route in manifest.routes]).update(is_declared=False)
    for route in manifest.routes:
        _write(Route, {"plugin": plugin, "path": route.path}, _route_columns(route))


def _follow_tasks(plugin: Plugin, manifest: Manifest) -> None:
    plugin.tasks.exclude(name__in=[task.name for task in manifest.tasks]).update(is_declared=False)
    for task in manifest.tasks:
        _write(Task, {"plugin": plugin, "name": task.name}, _task_columns(task))


def _hook_columns(hook: HookDeclaration) -> dict[str, Any]:
    return {"declared_priority": hook.priority}


def _route_columns(route: RouteDeclaration) -> dict[str, Any]:
    return {
        "handler": route.handler,
        "process_as_task": route.process_as_task,
        "methods": list(route.methods),
        "declared_access": route.access,
    }


def _task_columns(task: TaskDeclaration) -> dict[str, Any]:
    names = ("queue", "timeout_s", "max_retries", "schedule")
    return {"declared": {name: getattr(task, name) for name in names}}


def _write(model: type[Hook] | type[Route] | type[Task], key: Mapping[str, Any], declared: Mapping[str, Any]) -> None:
    model._default_manager.update_or_create(**key, defaults={**declared, "is_declared": True})


@dataclass(frozen=True, slots=True)
class DeclaredRows:
    """Rows of what plugins declare, as nobody has tuned them."""

    hooks: list[Hook] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)

    def add(self, plugin_id: int, manifest: Manifest) -> None:
        """Add the rows of one plugin; none is saved."""
        self.hooks.extend(Hook(plugin_id=plugin_id, name=each.name, **_hook_columns(each)) for each in manifest.hooks)
        self.routes.extend(
            Route(plugin_id=plugin_id, path=each.path, **_route_columns(each)) for each in manifest.routes
        )
        self.tasks.extend(Task(plugin_id=plugin_id, name=each.name, **_task_columns(each)) for each in manifest.tasks)
