"""A plugin's versions: what is different between two of them, and the way back to an earlier one."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.admin.pages import (
    Staff,
    form_fields,
    levels_of,
    messages_of,
    page_of,
    step_of,
    text_of,
    versions_of,
    words_of,
)
from tests.admin.plugins import greeter, reader, refuse, writer
from tests.components import json_handler, ok, plugin_component, route, sql, text_hook
from tests.installed import install
from wasm_plugins import lifecycle
from wasm_plugins.admin import version_views
from wasm_plugins.admin.differences import _capabilities, _changes, _settings
from wasm_plugins.models import AuditEntry, Plugin
from wasm_plugins.registry import find_snapshot
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db

SELECT = {"tables": {"shop_order": ["select"]}}


def _rollback(plugin: Plugin, number: int) -> str:
    return reverse("admin:wasm_plugins_plugin_rollback", args=[plugin.pk, number])


def _fields(staff: Staff, plugin: Plugin) -> dict[str, str]:
    """Return what the form that goes back to version 1 sends."""
    return form_fields(text_of(staff.get(_rollback(plugin, 1))), "rollback-form")


def _three_versions() -> Plugin:
    """A plugin at version 2 of three, with a fourth that was refused."""
    plugin = install(reader(name="greeter"))
    record_upload(greeter())
    plugin = install(greeter())
    record_upload(greeter("3"))
    refuse(plugin)
    return plugin


def test_the_list_says_how_each_stands_and_what_can_be_done(root: Staff) -> None:
    plugin = _three_versions()
    page = text_of(root.get(versions_of(plugin)))
    words = words_of(root.get(versions_of(plugin)))
    for part in ("current, enabled", "waits for approval", "refused"):
        assert words.count(part) == 1
    assert page.count("/rollback/") == 1
    assert _rollback(plugin, 1) in page
    assert step_of("consent", plugin.versions.get(number=3)) in page
    assert page.count('aria-label="Compare version') == 3


def test_a_plugins_page_leads_to_its_versions_and_to_the_steps_of_one_that_waits(viewer: Staff) -> None:
    plugin = _three_versions()
    page = text_of(viewer.get(page_of(plugin)))
    assert versions_of(plugin) in page
    assert step_of("report", plugin.versions.get(number=3)) in page
    plugin = install(writer(), enable=False)
    assert step_of("report", plugin.versions.get()) in text_of(viewer.get(page_of(plugin)))


def test_who_may_not_approve_is_offered_no_way_back(viewer: Staff) -> None:
    plugin = _three_versions()
    assert "/rollback/" not in text_of(viewer.get(versions_of(plugin)))
    assert viewer.get(_rollback(plugin, 1)).status_code == 403


def test_the_list_takes_as_many_queries_for_many_versions_as_for_one(root: Staff) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert root.get(versions_of(plugin)).status_code == 200
        return len(queries)

    plugin = install(reader())
    record_upload(reader("2"), by=root.user)
    before = count()
    for number in range(3, 6):
        record_upload(reader(str(number)), by=root.user)
    assert count() == before


def test_the_list_shows_so_many_leads_to_older_ones_and_reads_nothing_large(
    root: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version_views, "MOST_VERSIONS", 3)
    plugin = _three_versions()
    refuse(plugin)
    with CaptureQueriesContext(connection) as asked:
        page = text_of(root.get(versions_of(plugin)))
    assert "There are more versions, older than 3" in page
    assert page.count('aria-label="Report on version') == 3
    read = next(each["sql"] for each in asked if "LIMIT 4" in each["sql"])
    assert not any(f'"wasm_plugins_pluginversion"."{name}"' in read for name in ("imports", "exports", "findings"))
    page = text_of(root.get(versions_of(plugin), before="3"))
    assert "There are more versions" not in page
    assert page.count('aria-label="Report on version') == 2
    assert root.get(versions_of(plugin), before="9" * 5_000).status_code == 200


def _choices(page: str, name: str) -> list[str]:
    """Return the versions that a page offers to compare."""
    return re.findall(r"<option[^>]*>(\d+)</option>", page.partition(f'<select name="{name}"')[2].partition("</sel")[0])


def test_versions_of_different_pages_can_be_compared(root: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version_views, "MOST_VERSIONS", 3)
    plugin = _three_versions()
    refuse(plugin)
    for query in ({}, {"before": "3"}):
        page = text_of(root.get(versions_of(plugin), **query))
        assert _choices(page, "from") == _choices(page, "to") == ["5", "4", "3", "2", "1"]
        assert '<option value="2" selected>2</option>' in page


def test_no_version_is_compared_with_itself_unless_somebody_wants_to(root: Staff) -> None:
    plugin = install(greeter())
    record_upload(greeter("2"))
    for current in (1, 2):
        Plugin.objects.update(current_version=plugin.versions.get(number=current))
        fields = form_fields(text_of(root.get(versions_of(plugin))), "compare-form")
        chosen = (fields["from"], fields["to"] or "2")  # where nothing is selected, a browser sends the first
        assert chosen == (str(current), str(3 - current))


def test_of_very_many_versions_those_of_the_page_can_always_be_compared(
    root: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version_views, "MOST_VERSIONS", 3)
    monkeypatch.setattr(version_views, "MOST_COMPARED", 2)
    plugin = _three_versions()
    refuse(plugin)
    assert _choices(text_of(root.get(versions_of(plugin))), "from") == ["5", "4", "3"]
    assert _choices(text_of(root.get(versions_of(plugin), before="3")), "to") == ["5", "4", "2", "1"]


def test_a_comparison_reads_the_two_versions_and_no_others(root: Staff) -> None:
    plugin = _three_versions()
    with CaptureQueriesContext(connection) as few:
        context = root.get(versions_of(plugin, 1, 2)).context  # type: ignore[attr-defined]
    assert "versions" not in context
    for _ in range(3):
        refuse(plugin)
    with CaptureQueriesContext(connection) as many:
        root.get(versions_of(plugin, 1, 2))
    assert len(many) == len(few)


def test_two_versions_are_chosen_without_a_script(root: Staff) -> None:
    plugin = _three_versions()
    assert root.get(versions_of(plugin), **{"from": "1", "to": "3"})["Location"] == versions_of(plugin, 1, 3)
    for wrong in ("", "x", "-1", "9" * 5_000, "²"):
        assert root.get(versions_of(plugin), **{"from": wrong, "to": "3"}).status_code == 200
    assert root.get(versions_of(plugin, 1, 9)).status_code == 404


def test_all_that_is_different_is_shown_by_section(root: Staff) -> None:
    task = {"count": json_handler(ok("{}", first=[sql("SELECT 1")]))}
    asked = "[capabilities.database.tables]\nshop_order = [{}]\n"
    plugin = install(
        plugin_component(
            "busy",
            hooks={"order-placed": text_hook(ok("hello"))},
            routes=[route("/busy/a", json_handler(ok("{}"))), route("/busy/b", json_handler(ok("{}")))],
            tasks=task,
            toml='version = "1"\n[routes."/busy/b"]\naccess = "staff"\n' + asked.format('"select"'),
        ),
        enable=False,
    )
    record_upload(
        plugin_component(
            "busy",
            routes=[route("/busy/b", json_handler(ok("{}"))), route("/busy/c", json_handler(ok("{}")))],
            tasks=task,
            toml='version = "2"\n[routes."/busy/b"]\naccess = "public"\n[tasks.count]\nschedule = "5 4 * * *"\n'
            + asked.format('"select", "delete"'),
        )
    )
    page = words_of(root.get(versions_of(plugin, 1, 2)))
    for part in (
        "Capabilities What How Version 1 Version 2 database: shop_order changed read rows delete rows, read rows",
        "order-placed no longer there priority 100 –",
        "/busy/a no longer there",
        "/busy/b changed GET, POST; staff; ",
        "/busy/c added – GET, POST; whoever is logged in; ",
        "count changed queue –, timeout –, retries 0, schedule – queue –, timeout –, retries 0, schedule 5 4 * * *",
        "version changed 1 2",
    ):
        assert part in page, part
    assert "order-placed added – priority 100" in words_of(root.get(versions_of(plugin, 2, 1)))
    assert "Nothing that is recorded of them is different." in words_of(root.get(versions_of(plugin, 1, 1)))


def test_a_schema_of_settings_is_compared_property_by_property() -> None:
    before, after = (
        _settings({"type": "object", "properties": {"rate": {"type": kind}, "same": {}}})
        for kind in ("string", "integer")
    )
    assert [(each.name, each.kind, each.after) for each in _changes(before, after)] == [
        ("rate", "changed", '{"type": "integer"}')
    ]
    assert list(_changes(_settings(None), _settings({}))) == []


def test_each_host_and_table_that_a_version_asks_for_beyond_another_is_told() -> None:
    hosts = [f"https://{'h' * 60}{number}.example.com" for number in range(63)]
    before, after = (
        _capabilities({"http": {"hosts": [*hosts, last], **more}})
        for last, more in (("https://good.example", {}), ("https://evil.example", {"private": True}))
    )
    assert [(each.name, each.kind) for each in _changes(before, after, is_whole=True)] == [
        ("http: https://evil.example", "added"),
        ("http: https://good.example", "removed"),
        ("http: private", "added"),
    ]
    assert [each.name for each in _changes(_capabilities({}), _capabilities({"config": {}}))] == ["config"]


def test_two_long_texts_are_shown_from_their_first_difference_on() -> None:
    (change,) = _changes({"description": "x" * 900 + "good" + "y" * 900}, {"description": "x" * 900 + "evil"})
    assert change.before.startswith("…xx") and change.before.endswith("yy…")
    assert "good" in change.before
    assert change.after.endswith("evil")
    (change,) = _changes({"description": "x" * 900}, {"description": "x" * 901})
    assert change.before != change.after


def test_going_back_asks_once_more_with_what_will_be_different_then_does_it(approver: Staff) -> None:
    plugin = _three_versions()
    page = words_of(approver.get(_rollback(plugin, 1)))
    assert "order-placed no longer there" in page
    assert "Now: version 2" in page
    assert find_snapshot().plugins["greeter"].version == 2
    assert levels_of(approver.post(_rollback(plugin, 1))) == ["error"]
    response = approver.post(_rollback(plugin, 1), _fields(approver, plugin))
    assert (response["Location"], levels_of(response)) == (versions_of(plugin), ["success"])
    assert find_snapshot().plugins["greeter"].version == 1
    assert AuditEntry.objects.filter(act="rollback", version=1).count() == 1
    assert approver.history() == ["rolled back to version 1"]


def test_there_is_no_way_back_to_something_else_than_was_shown(approver: Staff) -> None:
    plugin = _three_versions()
    fields = _fields(approver, plugin)
    lifecycle.use_version(plugin, 3)
    response = approver.post(_rollback(plugin, 1), fields)
    assert [text for _, text in messages_of(response)] == [
        "“greeter”: what would happen has changed since the page was opened: look at it again"
    ]
    fields = _fields(approver, plugin)
    lifecycle.grant(plugin, "database", SELECT)
    assert levels_of(approver.post(_rollback(plugin, 1), fields)) == ["error"]
    assert find_snapshot().plugins["greeter"].version == 3


@pytest.mark.parametrize("number", [2, 3, 4, 9])
def test_there_is_no_way_back_to_what_is_no_earlier_version(approver: Staff, number: int) -> None:
    plugin = _three_versions()
    assert approver.get(_rollback(plugin, number)).status_code == 404
    assert approver.post(_rollback(plugin, number)).status_code == 404
    assert find_snapshot().plugins["greeter"].version == 2


def test_a_version_that_needs_what_is_not_granted_any_more_does_not_come_back(approver: Staff) -> None:
    plugin = install(writer(), grants={"database": SELECT})
    record_upload(reader("2"))
    plugin = install(reader("2"))
    plugin.grants.all().delete()
    assert "needs what is not granted any more: database" in words_of(approver.get(_rollback(plugin, 1)))
    response = approver.post(_rollback(plugin, 1), _fields(approver, plugin))
    assert [text for _, text in messages_of(response)] == ["“writer”: needs database, which nobody granted"]
    assert response["Location"] == _rollback(plugin, 1)
    assert find_snapshot().plugins["writer"].version == 2
