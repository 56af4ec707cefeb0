"""Every page opens, whatever state plugins are in, and the list costs the same however long it is."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests.admin.pages import AUDIT, LIST, RUNS, STORED, UPLOAD, VERSIONS, Staff, page_of, text_of
from tests.admin.plugins import greeter, one_in_each_state, reader, refuse, writer
from tests.components import json_handler, ok, plugin_component, route, sql, text_hook
from tests.installed import install
from tests.signed import ADA, public, signed
from wasm_plugins.keyring import revoke_key, trust_key
from wasm_plugins.models import AuditEntry, Plugin, PluginVersion, TaskRun
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db


_STATE = r'>([a-z]+)</a></th><td class="field-state"><span class="plugin-state plugin-state-[a-z]+">([a-z ]+)</span>'


def _acts(page: str) -> list[str]:
    """List the acts that a plugin's page has buttons for."""
    return re.findall(r'name="act" value="([a-z-]+)"', page)


@pytest.mark.parametrize("url", [LIST, UPLOAD, RUNS, STORED, VERSIONS, AUDIT, "/admin/", "/admin/wasm_plugins/"])
def test_a_page_opens_when_there_is_no_plugin(root: Staff, url: str) -> None:
    assert root.get(url).status_code == 200


def test_pages_open_for_plugins_in_every_state(root: Staff) -> None:
    plugins = one_in_each_state()
    page = text_of(root.get(LIST))
    assert all(plugin.name in page for plugin in plugins.values())
    for plugin in plugins.values():
        assert root.get(page_of(plugin)).status_code == 200
        assert root.get(f"{page_of(plugin)[: -len('change/')]}history/").status_code == 200
        for version in plugin.versions.all():
            assert root.get(f"{VERSIONS}{version.pk}/change/").status_code == 200


def test_the_list_says_how_each_plugin_stands(root: Staff) -> None:
    one_in_each_state()
    page = text_of(root.get(LIST))
    assert dict(re.findall(_STATE, page)) == {
        "broken": "refused",
        "greeter": "running",
        "idle": "off",
        "newer": "running",
        "writer": "waiting for approval",
    }
    assert page.count("waits for approval") == 1  # above the list
    assert page.count("was refused") == 1


def test_the_lists_take_as_many_queries_for_many_plugins_as_for_one(root: Staff) -> None:
    def count(url: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert root.get(url).status_code == 200
        return len(queries)

    one_in_each_state()
    TaskRun.objects.create(plugin=Plugin.objects.all()[0], handler="greet", input="{}", queue="default", timeout_s=5)
    before = [count(url) for url in (LIST, RUNS, STORED)]
    for number in range(4):
        plugin = install(reader(name=f"more-{number}"))
        refuse(plugin)
        record_upload(reader("again", name=plugin.name))
        TaskRun.objects.create(plugin=plugin, handler="write", input="{}", queue="default", timeout_s=5)
    assert [count(url) for url in (LIST, RUNS, STORED)] == before


def test_the_list_can_be_searched_filtered_and_sorted(root: Staff) -> None:
    install(greeter())
    install(reader(name="idle"), enable=False)
    assert "greeter" in text_of(root.get(LIST, q="gree"))
    assert "greeter" not in text_of(root.get(LIST, is_enabled__exact="0"))
    assert root.get(LIST, o="-1").status_code == 200


def test_a_plugins_page_has_the_report_on_its_current_version(root: Staff) -> None:
    plugin = install(writer("select"), grants={"database": {}})
    page = text_of(root.get(page_of(plugin)))
    version = plugin.current_version
    assert version is not None
    for part in ("plugins-manager:transactions-manager/transaction", "write: func(input: string)", version.digest):
        assert part in page


def test_a_version_that_waits_is_shown_with_what_it_asks_for_beyond_the_grants(root: Staff) -> None:
    plugin = install(reader())
    record_upload(writer("delete"))
    page = text_of(root.get(page_of(plugin)))
    assert 'id="waiting-heading"' in page
    assert "shop_order (delete)" in page
    assert "(not granted)" in " ".join(page.split())
    assert _acts(page) == ["approve", "disable"]


def test_a_version_that_asks_for_no_more_needs_one_button_and_no_grant(root: Staff) -> None:
    plugin = install(reader())
    record_upload(reader("2"))
    assert _acts(text_of(root.get(page_of(plugin)))) == ["use-version", "disable"]


def test_a_version_that_asks_for_more_of_what_is_granted_can_be_used_either_way(root: Staff) -> None:
    plugin = install(writer("select"), grants={"database": {"tables": {"shop_order": ["select"]}}})
    record_upload(writer("delete"))
    assert _acts(text_of(root.get(page_of(plugin)))) == ["approve", "use-version", "disable"]


def test_a_grant_that_is_narrower_than_what_is_asked_for_is_called_so(root: Staff) -> None:
    plugin = install(writer("delete"), grants={"database": {"tables": {"shop_order": ["select"]}}})
    page = " ".join(text_of(root.get(page_of(plugin))).split())
    assert "(granted, but less than it asks for)" in page


def test_a_refused_newer_version_is_shown_with_the_reason(root: Staff) -> None:
    plugin = install(greeter())
    refuse(plugin)
    page = text_of(root.get(page_of(plugin)))
    assert 'id="refused-heading"' in page
    assert "evil:corp/backdoor" in page


def test_our_templates_have_no_inline_script_style_or_handler(root: Staff) -> None:
    plugin = install(writer("select"), grants={"database": {}})
    record_upload(reader("newer"))
    for url in (LIST, UPLOAD, page_of(plugin)):
        page = text_of(root.get(url))
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>", page)
        assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", page)
        assert "<style" not in page


def test_the_report_says_what_a_version_serves_to_whom_and_what_it_wants(root: Staff) -> None:
    component = plugin_component(
        "busy",
        hooks={"order-placed": text_hook(ok("hello"))},
        routes=[route("/busy/open", json_handler(ok("{}"))), route("/busy/closed", json_handler(ok("{}")))],
        tasks={"count": json_handler(ok("{}", first=[sql("SELECT 1")]))},
        toml='[routes."/busy/open"]\naccess = "public"\nmethods = ["GET"]\n'
        '[routes."/busy/closed"]\naccess = "shop.view_order"\n'
        '[capabilities.database.tables]\nshop_order = ["select"]\n',
    )
    version = record_upload(component)
    PluginVersion.objects.update(imports=[*version.imports, "wasi:io/poll@0.2.9", "wasi:cli/stdout@0.2.9"])
    page = " ".join(re.sub(r"<[^>]+>", " ", text_of(root.get(f"{VERSIONS}{version.pk}/change/"))).split())
    for part in (
        "/plugins/busy/open GET, anybody",
        "/plugins/busy/closed GET, POST, those with the permission shop.view_order",
        "Hooks order-placed",
        "Tasks count",
        "database : use database tables, as listed with each, inside the caller&#x27;s transaction – shop_order "
        "(select)",
        "WASI, without files and network: cli, io",
    ):
        assert part in page, part
    assert "wasi:io/poll" not in page


@pytest.mark.parametrize("where", ["settings", "admin", "revoked", "nowhere"])
def test_the_report_names_who_signed_a_version_beside_the_key(root: Staff, settings: Settings, where: str) -> None:
    if where == "settings":
        settings.WASM_PLUGINS_TRUSTED_KEYS = {"Ada L.": public(ADA).upper()}
    if where in ("admin", "revoked"):
        key = trust_key("Ada L.", public(ADA))
        if where == "revoked":
            revoke_key(key)
    page = " ".join(text_of(root.get(page_of(install(signed(greeter()))))).split())
    assert public(ADA) in page
    assert ("Ada L., with the key" in page) == (where != "nowhere")


def test_sections_that_have_nothing_in_them_are_left_out(root: Staff, viewer: Staff) -> None:
    plugin = install(reader())  # it has a task, and neither hook nor route
    page = text_of(root.get(page_of(plugin)))
    shown = {name: f'id="{name}-group"' in page for name in ("grants", "hooks", "routes", "tasks", "versions")}
    assert shown == {"grants": True, "hooks": False, "routes": False, "tasks": True, "versions": True}
    assert 'id="grants-group"' not in text_of(viewer.get(page_of(plugin)))
    assert root.save(plugin, {}).status_code == 302


def test_records_that_nobody_changes_have_no_button_for_a_history(root: Staff) -> None:
    plugin = install(greeter())
    run = TaskRun.objects.create(plugin=plugin, handler="greet", input="{}", queue="default", timeout_s=5)
    entry = AuditEntry.objects.order_by("pk")[0]
    for url in (
        f"{RUNS}{run.pk}/change/",
        f"{VERSIONS}{plugin.current_version_id}/change/",
        f"{AUDIT}{entry.pk}/change/",
    ):
        assert "historylink" not in text_of(root.get(url))
    assert "historylink" in text_of(root.get(page_of(plugin)))


def test_a_plugins_page_leads_to_its_audit_trail_for_those_who_may_read_it(root: Staff, viewer: Staff) -> None:
    plugin = install(greeter())
    link = f"{AUDIT}?plugin=greeter"
    assert link in text_of(root.get(page_of(plugin)))
    assert link not in text_of(viewer.get(page_of(plugin)))
    assert "enable" in text_of(root.get(link))
