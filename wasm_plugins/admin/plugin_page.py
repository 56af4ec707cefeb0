"""What a plugin's page tells beside its form: how it stands, its last errors, its settings, limits and log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.utils.translation import gettext as _

from ..models import AuditEntry, Plugin, TaskRun
from ..settings_acts import schema_of
from ..settings_values import find_value, has_value, in_force, is_secret, leaves, missing
from ..states import PluginState, health_of, state_of
from ..tuning import LIMITS, in_words, readable_limits
from .chart import chart_of, days_of
from .permissions import may_run, may_see_audit, may_see_runs, may_see_secrets, may_set_limits, may_tune
from .settings_words import value_in_words
from .shown import badge, shortened

_RUNS_SHOWN: Final = 5
_ERRORS_SHOWN: Final = 5
_LOG_CHARS: Final = 2_000
_LOG_LINES: Final = 12


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting as the page tells it."""

    key: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run with the last lines that the plugin wrote in it."""

    run: TaskRun
    lines: str
    is_cut: bool


def page_of(request: HttpRequest, plugin: Plugin) -> dict[str, Any]:
    """Return what the templates of the sections need; each part is left out for those who may not see it."""
    version, state = plugin.current_version, state_of(plugin)
    runs = list(_runs(plugin)) if may_see_runs(request) else []
    return {
        "state": badge(state),
        "is_running": state == PluginState.RUNNING,
        "health": None if version is None else health_of(version),
        "day": chart_of(days_of([plugin.name])[plugin.name], names_period=True),
        "failed_runs": _failed_runs(plugin) if may_see_runs(request) else [],
        "failed_calls": _failed_calls(plugin) if may_see_audit(request) else [],
        "runs": runs,
        "may_see_runs": may_see_runs(request),
        "may_run": may_run(request),
        "settings": list(_settings(plugin, may_see_secrets(request))),
        "lacking": _lacking(plugin),
        "may_tune": may_tune(request),
        "limits": list(_limits(plugin)),
        "may_set_limits": may_set_limits(request),
    }


def sections_of(context: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return where the sections of the page are, as anchor and name, in the order of the page."""
    inlines = {each.formset.prefix for each in context.get("inline_admin_formsets", ())}
    found = [("state", _("State"))]
    if context.get("waiting") is not None:
        found.append(("waiting-heading", _("New version")))
    found += [("settings", _("Settings"))] if context["settings"] else []
    found += [(f"{prefix}-group", name) for prefix, name in _inline_names().items() if prefix in inlines]
    found += [("limits", _("Limits"))]
    found += [("log", _("Log"))] if context["may_see_runs"] else []
    return [*found, ("report", _("Report"))]


def saved_by(context: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Part the rows below the plugin into those that the page's form saves, by name, and those that it only shows."""
    names = _inline_names()
    saved: list[Any] = []
    shown: list[Any] = []
    for each in context.get("inline_admin_formsets", ()):
        (saved if each.has_change_permission or each.has_add_permission else shown).append(each)
    return {
        "saved_formsets": saved,
        "shown_formsets": shown,
        "saved_names": [names.get(each.formset.prefix, each.opts.verbose_name_plural) for each in saved],
    }


def _inline_names() -> dict[str, str]:
    """Return how the sections that are rows below the plugin are called, by the prefix of their fields."""
    return {
        "hooks": _("Hooks"),
        "routes": _("Routes"),
        "tasks": _("Tasks"),
        "grants": _("Grants"),
        "versions": _("Versions"),
    }


def _settings(plugin: Plugin, tells_secrets: bool) -> Iterator[SettingRow]:
    schema = schema_of(plugin)
    values = in_force(schema, plugin.settings)
    known = set(plugin.secrets.values_list("name", flat=True)) if schema and tells_secrets else set()
    for path, leaf, _must in leaves(schema):
        key = ".".join(path)
        if is_secret(leaf):
            told = _("set, never shown") if key in known else _("not set")
            yield SettingRow(key, told if tells_secrets else "–", _("secret"))
        elif has_value(values, path):
            is_own = has_value(plugin.settings, path) and find_value(plugin.settings, path) == find_value(values, path)
            yield SettingRow(key, value_in_words(find_value(values, path)), _("set") if is_own else _("default"))
        else:
            yield SettingRow(key, "–", _("not set"))


def _lacking(plugin: Plugin) -> list[str]:
    schema = schema_of(plugin)
    return missing(schema, plugin.settings, frozenset(plugin.secrets.values_list("name", flat=True))) if schema else []


def _limits(plugin: Plugin) -> Iterator[tuple[str, str, str]]:
    for name, number in readable_limits(plugin.limits, plugin.name).items():
        yield str(LIMITS[name].label), in_words(name, number), in_words(name, LIMITS[name].default)


def _runs(plugin: Plugin) -> Iterator[RunRow]:
    for run in plugin.runs.defer("input", "result").order_by("-created_at")[:_RUNS_SHOWN]:
        lines = run.log[-_LOG_CHARS:].splitlines()
        shown = lines[-_LOG_LINES:]
        yield RunRow(run, "\n".join(shown), len(run.log) > _LOG_CHARS or len(lines) > len(shown))


def _failed_runs(plugin: Plugin) -> list[tuple[TaskRun, str]]:
    failed = plugin.runs.filter(status=TaskRun.Status.FAILED).defer("input", "log", "result")
    return [(run, shortened(run.error)) for run in failed.order_by("-created_at")[:_ERRORS_SHOWN]]


def _failed_calls(plugin: Plugin) -> list[AuditEntry]:
    """Return the last calls that failed, of the last hundreds: what is further back is in the audit trail."""
    calls = AuditEntry.objects.filter(plugin=plugin.name).order_by("-at")[:_CALLS_LOOKED_AT]
    failed = [each for each in calls if each.act in ("route", "task", "hook") and each.outcome not in ("ok", "queued")]
    return failed[:_ERRORS_SHOWN]


_CALLS_LOOKED_AT: Final = 200
