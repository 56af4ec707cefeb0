"""What needs an admin: each plugin that something is to be done about, what that is, and where; the worst first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, Exists, OuterRef, Prefetch, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..grants import missing_grants
from ..models import AuditEntry, Plugin, PluginVersion, Secret, TaskRun
from ..settings_values import misfits, missing
from ..states import PluginState, health_of, state_of, waiting_version
from ..trust import Keys, load_keys
from .people import at_moment
from .shown import refused_version, shortened

MOST_PLUGINS: Final = 1_000
"""How many plugins are looked at."""

_DAY: Final = timedelta(days=1)
_LONGEST_RUN: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Need:
    """One thing to be done about one plugin."""

    rank: int
    """The smaller, the worse."""
    plugin: Plugin
    kind: str
    """For the style: ``bad`` where calls fail or are not made, ``wait`` where a person is waited for."""
    words: str
    anchor: str
    """Where on the plugin's page."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is looked up once for all plugins."""

    keys: Keys
    secrets: Mapping[int, frozenset[str]]
    failed: Mapping[int, list[tuple[str, int]]]
    never_enabled: frozenset[int]


def with_what_lists_show(plugins: QuerySet[Plugin]) -> QuerySet[Plugin]:
    """Fetch with plugins what is said of each, in a number of queries that does not grow with them.

    Of the versions, only the newest and the newest verified are fetched, however many there are.
    """
    newest = PluginVersion.objects.filter(plugin=OuterRef("pk")).order_by("-number").values("pk")
    verified = newest.filter(state=PluginVersion.State.VERIFIED)
    every = Plugin.objects.order_by()
    shown = every.values_list(Subquery(newest[:1])).union(every.values_list(Subquery(verified[:1])))
    large = ("manifest", "exports", "imports", "findings", "statement")
    versions = PluginVersion.objects.filter(pk__in=shown).defer(*large)
    return plugins.select_related("current_version__health").prefetch_related("grants", Prefetch("versions", versions))


def find_needs(now: datetime | None = None) -> list[Need]:
    """Return all that needs an admin, the worst first; eight queries, however many plugins there are.

    Args:
        now: The moment to judge by, for tests.
    """
    plugins = list(with_what_lists_show(Plugin.objects.order_by("name"))[:MOST_PLUGINS])
    seen = _look(plugins, now or timezone.now())
    return sorted((need for plugin in plugins for need in _needs_of(plugin, seen)), key=lambda need: need.rank)


def _look(plugins: Iterable[Plugin], now: datetime) -> _Seen:
    secrets: defaultdict[int, set[str]] = defaultdict(set)
    for plugin_id, name in Secret.objects.values_list("plugin_id", "name"):
        secrets[plugin_id].add(name)
    failed: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
    ended = TaskRun.objects.filter(
        status=TaskRun.Status.FAILED, due_at__gte=now - _DAY - _LONGEST_RUN, finished_at__gte=now - _DAY
    )
    for plugin_id, handler, count in ended.order_by().values_list("plugin", "handler").annotate(count=Count("pk")):
        failed[plugin_id].append((handler, count))
    decided = AuditEntry.objects.filter(plugin=OuterRef("name"), act__in=("enable", "disable"))
    off = Plugin.objects.filter(pk__in=[each.pk for each in plugins if not each.is_enabled])
    return _Seen(
        keys=load_keys(),
        secrets={plugin_id: frozenset(names) for plugin_id, names in secrets.items()},
        failed=failed,
        never_enabled=frozenset(off.exclude(Exists(decided)).values_list("pk", flat=True)),
    )


def _needs_of(plugin: Plugin, seen: _Seen) -> Iterator[Need]:
    state = state_of(plugin, seen.keys)
    if (trouble := _trouble(plugin, state)) is not None:
        yield trouble
    yield from _of_versions(plugin, state, seen)
    if plugin.is_enabled:
        yield from _of_settings(plugin, seen.secrets.get(plugin.pk, frozenset()))
    for handler, count in seen.failed.get(plugin.pk, ()):
        said = ngettext("its task %(task)s failed once", "its task %(task)s failed %(count)d times", count)
        words = (said + _(" in the last day")) % {"task": handler, "count": count}
        yield Need(7, plugin, "bad", words, "log")


def _trouble(plugin: Plugin, state: PluginState) -> Need | None:
    """Say what keeps a plugin that is on from being called."""
    version = plugin.current_version
    health = None if version is None else health_of(version)
    if state == PluginState.QUARANTINED:
        return Need(0, plugin, "bad", _("is in quarantine: processes died while it was called"), "state")
    if state == PluginState.ASLEEP and health is not None and health.open_until is not None:
        named = {"code": health.last_error_code, "until": at_moment(health.open_until)}
        return Need(
            1, plugin, "bad", _("sleeps after failures until %(until)s; the last was %(code)s") % named, "state"
        )
    if state == PluginState.UNTRUSTED:
        return Need(2, plugin, "bad", _("is not called: its signature is not trusted"), "report")
    if state == PluginState.WAITING and version is not None:
        names = ", ".join(missing_grants(plugin, version))
        return Need(3, plugin, "wait", _("is not called before you grant it: %(names)s") % {"names": names}, "acts")
    return None


def _of_versions(plugin: Plugin, state: PluginState, seen: _Seen) -> Iterator[Need]:
    """Say which versions wait for a decision, and which upload was refused."""
    if (waiting := waiting_version(plugin)) is not None:
        words = _("version %(number)d waits for approval") % {"number": waiting.number}
        yield Need(4, plugin, "wait", words, "waiting-heading")
    elif state == PluginState.OFF and plugin.pk in seen.never_enabled:
        yield Need(5, plugin, "wait", _("is new and off: nobody has enabled it yet"), "acts")
    if (refused := refused_version(plugin)) is not None:
        words = _("version %(number)d was refused: %(problem)s")
        named = {"number": refused.number, "problem": shortened(refused.problem)}
        yield Need(6, plugin, "wait", words % named, "refused-heading")


def _of_settings(plugin: Plugin, secrets: frozenset[str]) -> Iterator[Need]:
    """Say which settings and secrets lack, or do not fit the version that serves."""
    schema = _schema(plugin)
    if lacking := missing(schema, plugin.settings, secrets):
        yield Need(
            3, plugin, "wait", _("lacks settings: %(names)s") % {"names": shortened(", ".join(lacking))}, "settings"
        )
    if unfit := misfits(schema, plugin.settings):
        words = _("has settings that do not fit its version, so that defaults hold: %(names)s")
        yield Need(6, plugin, "wait", words % {"names": shortened(", ".join(unfit))}, "settings")


def _schema(plugin: Plugin) -> Mapping[str, Any]:
    version = plugin.current_version
    return {} if version is None or version.manifest is None else version.manifest.get("settings", {})
