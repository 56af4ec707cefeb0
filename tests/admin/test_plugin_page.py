"""The sections of a plugin's page: how it stands, its hooks among others', links, running by hand, limits, log."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime

from tests.admin.conftest import MakeStaff
from tests.admin.pages import RUNS, Staff, page_of, text_of
from tests.admin.plugins import IMG, greeter
from tests.admin.settings_plugin import install_teller
from tests.components import json_handler, ok, plugin_component, route, text_hook
from tests.installed import install
from wasm_plugins import lifecycle
from wasm_plugins.admin.by_hand import run_url
from wasm_plugins.models import AuditEntry, CallCount, Plugin, TaskRun, VersionHealth
from wasm_plugins.tasks.schedule import next_run

pytestmark = pytest.mark.django_db

_DAILY = '[tasks.count]\nschedule = "5 4 * * *"\n'


def _answering(name: str, priority: int) -> Plugin:
    toml = f"[hooks.order-placed]\npriority = {priority}\n"
    return install(plugin_component(name, hooks={"order-placed": text_hook(ok("x"))}, toml=toml))


def _text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def _run(plugin: Plugin, **columns: object) -> TaskRun:
    row = {"handler": "greet", "input": "{}", "queue": "default", "timeout_s": 5, **columns}
    return TaskRun.objects.create(plugin=plugin, **row)


def test_each_section_can_be_reached_from_the_top(root: Staff) -> None:
    page = text_of(root.get(page_of(install_teller())))
    anchors = re.findall(r'<li><a href="#([a-z-]+)">', page)
    assert anchors == ["state", "settings", "tasks-group", "grants-group", "versions-group", "limits", "log", "report"]
    assert [anchor for anchor in anchors if f'id="{anchor}"' not in page] == []


def test_a_hook_shows_the_plugins_place_among_all_that_answer(root: Staff) -> None:
    _answering("last", 300)
    plugin = install(greeter())
    _answering("first", 5)
    off = _answering("silent", 1)
    lifecycle.disable(off)
    page = _text(text_of(root.get(page_of(plugin))))
    assert "1. first (5) 2. greeter (100, this plugin) 3. last (300)" in page
    assert "silent" not in page
    own = _text(text_of(root.get(page_of(off))))
    assert "1. silent (1, this plugin, which does not answer now) 2. first (5)" in own


def test_a_route_has_a_link_if_it_answers_get_and_the_admin_may_call_it(root: Staff, viewer: Staff) -> None:
    routes = [route(f"/pages/{name}", json_handler(ok("{}"))) for name in ("open", "posted", "closed")]
    toml = '[routes."/pages/posted"]\nmethods = ["POST"]\n[routes."/pages/closed"]\naccess = "shop.view_order"\n'
    plugin = install(plugin_component("pages", routes=routes, toml=toml))

    def links(somebody: Staff) -> list[str]:
        return re.findall(r'field-opens">\s*<p><a href="([^"]+)"', text_of(somebody.get(page_of(plugin))))

    assert links(root) == ["/plugins/pages/closed", "/plugins/pages/open"]
    assert links(viewer) == ["/plugins/pages/open"]
    lifecycle.disable(plugin)
    assert links(root) == []


@pytest.mark.parametrize(
    ("health", "label"),
    [
        ({"open_until": timezone.now() + timedelta(minutes=5), "times_opened": 2}, "Wake up"),
        ({"quarantined_at": timezone.now(), "deaths": 2}, "Release from quarantine"),
    ],
)
def test_a_button_wakes_a_plugin_up_for_those_who_may(
    staff: MakeStaff, viewer: Staff, health: dict[str, object], label: str
) -> None:
    plugin = install(greeter())
    assert plugin.current_version is not None
    VersionHealth.objects.create(version=plugin.current_version, last_error=f"trap {IMG}", **health)
    tuner = staff("tune_plugin")
    page = text_of(tuner.get(page_of(plugin)))
    assert f'value="{label}"' in page
    assert f'value="{label}"' not in text_of(viewer.get(page_of(plugin)))
    assert "&lt;img src=x" in page
    assert tuner.act(plugin, "release").status_code == 302
    assert not VersionHealth.objects.exists()


def test_the_last_errors_and_the_log_are_for_those_who_may_see_them(root: Staff, staff: MakeStaff) -> None:
    plugin = install(greeter())
    _run(plugin, status="failed", error_code="plugin-trapped", error=IMG, log="first\n" * 500 + f"last {IMG}")
    AuditEntry.objects.create(act="route", plugin="greeter", subject="/greeter/hello", outcome="deadline-exceeded")
    page = text_of(root.get(page_of(plugin)))
    for part in ("deadline-exceeded", "plugin-trapped", "last &lt;img src=x", "The last lines"):
        assert part in page
    assert page.count("first\n") < 20
    assert IMG not in page
    other = text_of(staff("view_plugin").get(page_of(plugin)))
    for part in ("deadline-exceeded", "plugin-trapped", 'id="log"'):
        assert part not in other


def test_the_page_costs_the_same_however_much_is_recorded(root: Staff) -> None:
    def queries(plugin: Plugin) -> int:
        with CaptureQueriesContext(connection) as found:
            assert root.get(page_of(plugin)).status_code == 200
        return len(found)

    def busy(name: str, count: int) -> Plugin:
        return install(
            plugin_component(
                name,
                hooks={hook: text_hook(ok("x")) for hook in ("order-placed", "other", "third")[:count]},
                routes=[route(f"/{name}/r{number}", json_handler(ok("{}"))) for number in range(count)],
                tasks={f"t{number}": json_handler(ok("{}")) for number in range(count)},
            )
        )

    small, large = busy("small", 1), busy("large", 3)
    root.get(page_of(small))
    before = queries(small)
    for number in range(5):
        _run(large, status="failed", handler=f"t{number % 3}")
    assert queries(large) == before


def test_every_moment_on_the_page_is_written_in_one_format(root: Staff) -> None:
    plugin = install(plugin_component("punctual", tasks={"count": json_handler(ok("{}"))}, toml=_DAILY))
    _run(plugin, status="failed", error_code="plugin-trapped", handler="count")
    AuditEntry.objects.create(act="task", plugin="punctual", subject="count", outcome="deadline-exceeded")
    page = text_of(root.get(page_of(plugin)))
    now = localtime()
    assert date_format(now, "SHORT_DATETIME_FORMAT").partition(" ")[0] not in page
    assert date_format(next_run(plugin.tasks.get()) or now, "DATETIME_FORMAT") in page
    assert _text(page).count(date_format(now, "DATE_FORMAT")) >= 4


def test_the_calls_are_told_with_the_time_they_are_counted_over(root: Staff) -> None:
    plugin = install(greeter())
    assert "no calls in the last 24 hours" in text_of(root.get(page_of(plugin)))
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    CallCount.objects.create(hour=hour, plugin="greeter", calls=8, failures=3)
    assert "8 calls in the last 24 hours, 3 failed" in _text(text_of(root.get(page_of(plugin))))


def test_the_buttons_that_save_follow_what_they_save_and_name_it(root: Staff, viewer: Staff, staff: MakeStaff) -> None:
    plugin = install(greeter())
    page = text_of(root.get(page_of(plugin)))
    at = [page.index(part) for part in ('id="grants-group"', 'name="_save"', 'id="versions-group"')]
    assert at == sorted(at)
    assert "Saves what you change in: Hooks, Routes, Tasks, Grants." in page
    assert "Routes, Tasks." in text_of(staff("change_plugin").get(page_of(plugin)))
    assert "Saves what you change" not in text_of(viewer.get(page_of(plugin)))


def test_where_nothing_can_be_changed_nothing_is_saved(staff: MakeStaff) -> None:
    plugin = install(plugin_component("idle"))
    page = text_of(staff("change_plugin").get(page_of(plugin)))
    assert 'name="_save"' not in page
    assert 'name="_continue"' not in page


def test_own_limits_stand_beside_the_projects(root: Staff) -> None:
    plugin = install(greeter())
    assert "no limits of its own" in text_of(root.get(page_of(plugin)))
    lifecycle.set_limits(plugin, {"host_calls": 7})
    page = _text(text_of(root.get(page_of(plugin))))
    assert "Calls of the host in a call 7 10000" in page


def test_a_task_is_run_by_hand_on_behalf_of_who_asked(staff: MakeStaff, rq_queue: str) -> None:
    plugin = install(greeter())
    url = run_url(plugin.tasks.get(), "admin")
    runner = staff("run_plugin", "view_taskrun")
    page = text_of(runner.get(page_of(plugin)))
    assert url in page
    assert 'aria-label="Run greet now"' in page
    assert '<label for="id_input">' in text_of(runner.get(url))
    response = runner.post(url, {"input": '{"name": "Ada"}'})
    run = TaskRun.objects.get()
    assert response["Location"] == f"{RUNS}{run.pk}/change/"
    assert (run.handler, run.input, run.requested_by) == ("greet", '{"name": "Ada"}', runner.user)
    assert runner.history() == ["asked for a run of the task greet"]


def test_what_cannot_run_says_why_at_the_form(staff: MakeStaff) -> None:
    plugin = install(greeter())
    url, runner = run_url(plugin.tasks.get(), "admin"), staff("run_plugin")
    for text in ("{", "NaN{", "[" * 100_000):
        assert 'id="id_input_error"' in text_of(runner.post(url, {"input": text}))
    lifecycle.disable(plugin)
    assert "is not enabled" in text_of(runner.post(url, {"input": ""}))
    assert runner.get(url.replace("greet/run", "nothing/run")).status_code == 404
    assert not TaskRun.objects.exists()


def test_half_a_character_reaches_a_task_and_what_is_no_number_does_not(staff: MakeStaff, rq_queue: str) -> None:
    plugin = install(greeter())
    url, runner = run_url(plugin.tasks.get(), "admin"), staff("run_plugin")
    for text in ("NaN", '{"a": [-Infinity]}'):
        assert 'id="id_input_error"' in text_of(runner.post(url, {"input": text}))
    assert not TaskRun.objects.exists()
    assert runner.post(url, {"input": '{"name": "\\ud800"}'}).status_code == 302
    assert TaskRun.objects.get().input == '{"name": "\\ud800"}'
    lifecycle.disable(plugin)
    assert "is not enabled" in text_of(runner.post(url, {"input": '"\\ud800"'}))


def test_nobody_without_the_permission_runs_a_task(staff: MakeStaff) -> None:
    plugin = install(greeter())
    url = run_url(plugin.tasks.get(), "admin")
    somebody = staff("view_plugin", "upload_plugin", "approve_plugin", "change_plugin", "tune_plugin", "view_taskrun")
    assert url not in text_of(somebody.get(page_of(plugin)))
    assert (somebody.get(url).status_code, somebody.post(url, {"input": "{}"}).status_code) == (403, 403)
    assert staff("run_plugin", enforce_csrf=True).post(url, {"input": "{}"}).status_code == 403
    assert not TaskRun.objects.exists()
