"""What a version will serve, as it will stand: hooks in order, routes with who may call, tasks with queues."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from ..conf import conf
from ..models import Hook, Plugin, PluginVersion, Route, Task
from ..signatures import hook_signatures
from ..tasks.schedule import OFF
from .report import route_in_words


class Place(NamedTuple):
    """One plugin in the order in which a hook is answered."""

    priority: int
    plugin: str
    is_this: bool


class HookRow(NamedTuple):
    """A hook that a version answers."""

    name: str
    order: tuple[Place, ...]
    is_called: bool
    """Whether this project ever calls it."""
    is_enabled: bool
    is_new: bool


class RouteRow(NamedTuple):
    """An address that a version serves."""

    url: str
    methods: tuple[str, ...]
    who: str
    process_as_task: bool
    is_enabled: bool
    is_new: bool


class TaskRow(NamedTuple):
    """A task that a version runs."""

    name: str
    queue: str
    schedule: str
    timeout_s: int | None
    max_retries: int
    is_enabled: bool
    is_new: bool


def served_by(plugin: Plugin, version: PluginVersion) -> dict[str, Any]:
    """Return all that a verified version will serve beside what serves now, for a template; a handful of queries."""
    before = compared_with(plugin, version)
    return {
        "before": before,
        "hooks": hooks_of(plugin, version, before),
        "routes": routes_of(plugin, version, before),
        "tasks": tasks_of(plugin, version, before),
        "gone": gone_of(version, before),
    }


def hooks_of(plugin: Plugin, version: PluginVersion, before: PluginVersion | None) -> list[HookRow]:
    """List a version's hooks, each with its place beside the other plugins that are on; one query."""
    declared = version.declared.hooks
    known = {hook.name for hook in before.declared.hooks} if before is not None else None
    rows = Hook.objects.filter(name__in=[hook.name for hook in declared]).select_related("plugin")
    others: defaultdict[str, list[Place]] = defaultdict(list)
    tuned: dict[str, Hook] = {}
    for row in rows:
        if row.plugin_id == plugin.pk:
            tuned[row.name] = row
        elif row.is_declared and row.is_enabled and row.plugin.is_enabled:
            priority = row.declared_priority if row.priority is None else row.priority
            others[row.name].append(Place(priority, row.plugin.name, is_this=False))
    found = []
    for hook in declared:
        row_of = tuned.get(hook.name)
        priority = hook.priority if row_of is None or row_of.priority is None else row_of.priority
        order = sorted([*others[hook.name], Place(priority, plugin.name, is_this=True)])
        is_enabled, is_new = row_of is None or row_of.is_enabled, _is_new(hook.name, known)
        found.append(HookRow(hook.name, tuple(order), hook.name in hook_signatures(), is_enabled, is_new))
    return found


def routes_of(plugin: Plugin, version: PluginVersion, before: PluginVersion | None) -> list[RouteRow]:
    """List a version's routes with who may call each, an admin's own choice first; one query."""
    known = set(before.declared.routes) if before is not None else None
    tuned = {row.path: row for row in Route.objects.filter(plugin=plugin)}
    found = []
    for route in version.declared.routes:
        row = tuned.get(route.path)
        told = route_in_words(route, row.access if row is not None else "")
        is_enabled = row is None or row.is_enabled
        found.append(
            RouteRow(told["url"], route.methods, told["who"], route.process_as_task, is_enabled, _is_new(route, known))
        )
    return found


def tasks_of(plugin: Plugin, version: PluginVersion, before: PluginVersion | None) -> list[TaskRow]:
    """List a version's tasks with where and when each runs, an admin's own choice first; one query."""
    known = {(task.name, task.schedule) for task in before.declared.tasks} if before is not None else None
    tuned = {row.name: row for row in Task.objects.filter(plugin=plugin)}
    found = []
    for task in version.declared.tasks:
        row = tuned.get(task.name)
        found.append(
            TaskRow(
                name=task.name,
                queue=(row.queue if row is not None else "") or task.queue or conf.QUEUE,
                schedule=_schedule("" if row is None else row.schedule, task.schedule),
                timeout_s=row.timeout_s if row is not None and row.timeout_s is not None else task.timeout_s,
                max_retries=row.max_retries if row is not None and row.max_retries is not None else task.max_retries,
                is_enabled=row is None or row.is_enabled,
                is_new=_is_new((task.name, task.schedule), known),
            )
        )
    return found


def gone_of(version: PluginVersion, before: PluginVersion | None) -> list[str]:
    """Name what the version that serves now has, and this one has not."""
    if before is None:
        return []
    now, then = before.declared, version.declared
    return [
        *(_("hook %s") % name for name in _less([each.name for each in now.hooks], [each.name for each in then.hooks])),
        *(
            _("route %s") % path
            for path in _less([each.path for each in now.routes], [each.path for each in then.routes])
        ),
        *(_("task %s") % name for name in _less([each.name for each in now.tasks], [each.name for each in then.tasks])),
    ]


def compared_with(plugin: Plugin, version: PluginVersion) -> PluginVersion | None:
    """Return the version that this one would follow, or ``None`` where there is none with a manifest."""
    current = plugin.current_version
    return None if current is None or current.pk == version.pk or current.manifest is None else current


def _schedule(tuned: str, declared: str) -> str:
    """Return when a task runs by itself: as an admin said, else as declared; empty for never."""
    return "" if tuned == OFF else tuned or declared


def _less(now: list[str], then: Collection[str]) -> list[str]:
    return [name for name in now if name not in then]


def _is_new(name: Any, known: Collection[Any] | None) -> bool:
    return known is not None and name not in known
