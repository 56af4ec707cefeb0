"""From an upload to a plugin that runs: each step is a page of its own, and only the last one changes what serves."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from tests.admin.conftest import MakeStaff
from tests.admin.pages import Staff, form_fields, levels_of, page_of, step_of, text_of, words_of
from tests.admin.plugins import greeter, reader, refuse, refused, writer
from tests.components import json_handler, ok, plugin_component, route, sql, text_hook
from tests.installed import install
from wasm_plugins import lifecycle
from wasm_plugins.models import Agreement, AuditEntry, Grant, Plugin, PluginVersion
from wasm_plugins.registry import find_snapshot
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db

SELECT, DELETE = ({"tables": {"shop_order": [operation]}} for operation in ("select", "delete"))


def _fields(staff: Staff, step: str, version: PluginVersion) -> dict[str, str]:
    return form_fields(text_of(staff.get(step_of(step, version))), f"{step}-form")


def _agree(staff: Staff, version: PluginVersion, *names: str) -> list[str]:
    fields = {**_fields(staff, "consent", version), "agree": list(names)}
    return levels_of(staff.post(step_of("consent", version), fields))


def _enable(staff: Staff, version: PluginVersion) -> list[str]:
    return levels_of(staff.post(step_of("enable", version), _fields(staff, "enable", version)))


def _serving(name: str = "writer") -> int | None:
    found = find_snapshot().plugins.get(name)
    return None if found is None else found.version


def test_from_an_upload_to_a_plugin_that_runs(root: Staff) -> None:
    report = root.upload(writer())["Location"]
    version = PluginVersion.objects.get()
    assert report == step_of("report", version)
    page = text_of(root.get(report))
    assert step_of("consent", version) in page
    assert re.findall(r'<li aria-current="step"[^>]*>\s*(\w+)', page) == ["Report"]
    response = root.post(step_of("consent", version), {**_fields(root, "consent", version), "agree": ["database"]})
    assert response["Location"] == step_of("enable", version)
    assert not Grant.objects.exists()
    assert _serving() is None
    response = root.post(step_of("enable", version), _fields(root, "enable", version))
    assert response["Location"] == page_of(version.plugin)
    grant = Grant.objects.get()
    assert (grant.capability, grant.scope, grant.granted_by) == ("database", SELECT, root.user)
    assert _serving() == 1
    assert not Agreement.objects.exists()
    assert list(AuditEntry.objects.order_by("pk").values_list("act", flat=True)) == [
        *("upload", "switch", "agree", "grant", "enable")
    ]


def test_what_was_agreed_to_is_still_there_when_one_comes_back(approver: Staff) -> None:
    version = install(writer(), enable=False).versions.get()
    _agree(approver, version, "database")
    page = text_of(approver.get(step_of("consent", version)))
    assert re.search(r'name="agree" value="database" id="agree-database" checked', page)
    assert f"Agreed to by {approver.user}" in page
    assert _agree(approver, version) == ["warning"]
    assert not Agreement.objects.exists()


def test_an_upgrade_grants_nothing_before_it_is_enabled(approver: Staff) -> None:
    plugin = install(writer("select"), grants={"database": SELECT})
    version = record_upload(writer("delete"))
    page = words_of(approver.get(step_of("consent", version)))
    assert "shop_order : delete rows new" in page
    assert _agree(approver, version, "database") == ["success"]
    assert find_snapshot().plugins["writer"].grants == {"database": SELECT}
    assert _enable(approver, version) == ["success"]
    found = find_snapshot().plugins["writer"]
    assert (found.version, found.grants) == (2, {"database": DELETE})
    assert AuditEntry.objects.filter(act="approve", plugin=plugin.name, version=2).exists()


def test_what_is_granted_already_stands_apart_and_needs_no_yes(approver: Staff) -> None:
    install(writer("select"), grants={"database": SELECT})
    version = record_upload(writer("select", salt="2"))
    page = words_of(approver.get(step_of("consent", version)))
    assert "Granted already database" in page
    assert "asked to agree to" not in page
    assert "agree" not in _fields(approver, "consent", version)
    assert _enable(approver, version) == ["success"]
    assert _serving() == 2


def test_an_upgrade_can_be_enabled_with_no_more_than_is_granted(approver: Staff) -> None:
    install(writer("select"), grants={"database": SELECT})
    version = record_upload(writer("delete"))
    assert _agree(approver, version) == ["success"]
    assert "nobody agreed to more than is granted" in words_of(approver.get(step_of("enable", version)))
    assert _enable(approver, version) == ["success"]
    assert (_serving(), Grant.objects.get().scope) == (2, SELECT)


def test_what_an_admin_took_away_before_is_not_asked_for_again(approver: Staff) -> None:
    asked = "[capabilities.database.tables]\nshop_order = [{}]\n"
    task = {"write": json_handler(ok("{}", first=[sql("SELECT 1")]))}
    first = plugin_component("writer", tasks=task, toml=asked.format('"select", "update"'))
    plugin = install(first, grants={"database": {"tables": {"shop_order": ["select", "update"]}}})
    lifecycle.grant(plugin, "database", SELECT)
    version = record_upload(plugin_component("writer", tasks=task, toml=asked.format('"select", "update", "insert"')))
    page = words_of(approver.get(step_of("consent", version)))
    for part in ("read rows granted already", "change rows not granted before, and it stays so", "add rows new"):
        assert part in page
    _agree(approver, version, "database")
    _enable(approver, version)
    assert Grant.objects.get().scope == {"tables": {"shop_order": ["select", "insert"]}}


def test_without_a_yes_to_what_it_needs_it_says_so_and_cannot_be_enabled(approver: Staff) -> None:
    version = install(writer(), enable=False).versions.get()
    assert _agree(approver, version) == ["warning"]
    page = text_of(approver.get(step_of("enable", version)))
    assert "It cannot run without what nobody agreed to: database." in page
    assert 'type="submit" class="default"' not in page
    mark = "0" * 16
    assert levels_of(approver.post(step_of("enable", version), {"mark": mark})) == ["error"]
    assert _serving() is None


@pytest.mark.parametrize("step", ["consent", "enable"])
def test_an_answer_to_a_page_that_is_no_longer_true_changes_nothing(approver: Staff, step: str) -> None:
    plugin = install(writer("select"), grants={"database": SELECT})
    version = record_upload(writer("delete"))
    _agree(approver, version, "database")
    fields = {**_fields(approver, step, version), "agree": ["database"]}
    lifecycle.revoke(plugin, "database") if step == "enable" else lifecycle.grant(plugin, "database", DELETE)
    before = AuditEntry.objects.count()
    assert levels_of(approver.post(step_of(step, version), fields)) == ["error"]
    assert (_serving(), AuditEntry.objects.count()) == (None if step == "enable" else 1, before)


def test_a_yes_to_something_that_would_not_be_granted_any_more_does_not_count(approver: Staff) -> None:
    plugin = install(writer("select"), grants={"database": SELECT})
    version = record_upload(writer("delete"))
    Agreement.objects.create(version=version, capability="database", scope=SELECT)
    assert "Will be granted nothing more than is granted" in words_of(approver.get(step_of("enable", version)))
    assert _enable(approver, version) == ["success"]
    assert plugin.grants.get().scope == SELECT


def test_capabilities_that_nobody_asked_for_cannot_be_agreed_to(approver: Staff) -> None:
    version = install(reader(), enable=False).versions.get()
    fields = {**_fields(approver, "consent", version), "agree": ["database", "http", "no-such-thing"]}
    assert levels_of(approver.post(step_of("consent", version), {**fields, "mark": ""})) == ["error"]
    approver.post(step_of("consent", version), fields)
    assert not Agreement.objects.exists()
    _enable(approver, version)
    assert not Grant.objects.exists()


def test_whoever_uploaded_it_can_neither_agree_nor_enable_where_two_persons_have_to(
    root: Staff, approver: Staff, settings: Settings
) -> None:
    settings.WASM_PLUGINS_TWO_PERSONS = True
    root.upload(writer())
    version = PluginVersion.objects.get()
    for step in ("consent", "enable"):
        page = text_of(root.get(step_of(step, version)))
        assert 'type="submit" class="default"' not in page
        assert "somebody else has to" in page
        assert levels_of(root.post(step_of(step, version), {"agree": "database"})) == ["error"]
    assert not Agreement.objects.exists()
    assert _agree(approver, version, "database") == ["success"]
    assert _enable(approver, version) == ["success"]
    assert _serving() == 1


def test_who_may_only_look_sees_the_steps_and_is_told_that_he_cannot_enable(viewer: Staff) -> None:
    version = install(writer(), enable=False).versions.get()
    assert "I agree to" not in text_of(viewer.get(step_of("consent", version)))
    assert "You may look, but not enable plugins" in text_of(viewer.get(step_of("enable", version)))
    assert {viewer.post(step_of(step, version), {}).status_code for step in ("consent", "enable")} == {403}


def test_a_refused_version_has_a_report_with_a_text_for_its_author_and_no_further_step(root: Staff) -> None:
    version = refused().versions.get()
    page = words_of(root.get(step_of("report", version)))
    assert "imports evil:corp/backdoor (link-error)" in page
    assert "asks for nothing that the site does not offer, and its functions are of the right types failed" in page
    assert "always the same, and claims nothing of another plugin not finished" in page
    letter = text_of(root.get(step_of("report", version))).partition("author-text")[2]
    assert version.digest in letter
    for step in ("consent", "enable"):
        assert root.get(step_of(step, version))["Location"] == step_of("report", version)
        assert root.post(step_of(step, version))["Location"] == step_of("report", version)


@pytest.mark.parametrize(
    ("code", "failed_at"),
    [("artifact-error", 0), ("signature-refused", 1), ("compile-error", 2), ("link-error", 3), ("manifest-error", 4)],
)
def test_the_report_says_which_check_failed_and_of_none_that_it_passed_unless_it_did(
    root: Staff, code: str, failed_at: int
) -> None:
    version = refused().versions.get()
    PluginVersion.objects.update(error_code=code)
    marks = re.findall(
        r'class="plugin-mark (passed|failed|unknown|noted)"', text_of(root.get(step_of("report", version)))
    )
    assert len(marks) == 5
    assert marks.index("failed") == failed_at
    assert "passed" not in marks[failed_at:]


def test_each_finding_stands_beside_what_to_do(root: Staff, settings: Settings) -> None:
    settings.WASM_PLUGINS_SIGNATURES = "warn"
    version = record_upload(
        plugin_component("greeter", hooks={"no-such-hook": text_hook(ok("hello"))}, toml='title = "Pаy"\n')
    )
    page = words_of(root.get(step_of("report", version)))
    assert len(version.findings) == 3
    assert page.count("What to do:") == 3


def test_hooks_stand_in_their_final_order_beside_other_plugins(root: Staff) -> None:
    hook = {"order-placed": text_hook(ok("hello"))}
    install(plugin_component("first", hooks=hook, toml="[hooks.order-placed]\npriority = 5\n"))
    install(plugin_component("off", hooks=hook), enable=False)
    install(plugin_component("zlast", hooks=hook))
    version = install(greeter(), enable=False).versions.get()
    page = words_of(root.get(step_of("consent", version)))
    assert "order-placed first · 5 greeter (this one) · 100 zlast · 100" in page


def test_routes_say_who_may_call_them_and_tasks_where_and_when_they_run(root: Staff) -> None:
    component = plugin_component(
        "busy",
        routes=[route("/busy/open", json_handler(ok("{}")))],
        tasks={"count": json_handler(ok("{}"))},
        toml='[routes."/busy/open"]\naccess = "public"\n[tasks.count]\nschedule = "5 4 * * *"\ntimeout_s = 9\n',
    )
    version = install(component, enable=False).versions.get()
    for step in ("consent", "enable"):
        page = words_of(root.get(step_of(step, version)))
        assert "/plugins/busy/open GET, POST anybody" in page
        assert "count default 5 4 * * * 9 s 0" in page
    version.plugin.tasks.update(schedule="off")
    assert "count default only when asked for 9 s 0" in words_of(root.get(step_of("consent", version)))
    version.plugin.routes.update(access="shop.view_order")
    assert "those with the permission shop.view_order" in words_of(root.get(step_of("consent", version)))


def test_an_upgrade_marks_what_it_serves_that_the_current_version_did_not(root: Staff) -> None:
    install(reader(name="greeter"))
    version = record_upload(greeter())
    page = words_of(root.get(step_of("enable", version)))
    for part in ("order-placed new", "/plugins/greeter/hello new", "greet new", "task write", "Serves now version 1"):
        assert part in page


def test_the_last_step_says_so_where_the_version_is_on_already(root: Staff) -> None:
    version = install(greeter()).versions.get()
    page = text_of(root.get(step_of("enable", version)))
    assert "is enabled and is the current one" in page
    assert 'id="enable-form"' not in page


def test_steps_of_a_version_that_does_not_exist_are_not_found(root: Staff) -> None:
    for step in ("report", "consent", "enable"):
        assert root.get(f"/admin/wasm_plugins/plugin/version/4711/{step}/").status_code == 404


def test_the_steps_have_no_inline_script_style_or_handler(root: Staff) -> None:
    plugin = install(writer("select"), grants={"database": SELECT})
    refuse(plugin)
    record_upload(writer("delete"))
    verified = plugin.versions.exclude(state="refused")
    urls = [step_of("report", version) for version in plugin.versions.all()]
    urls += [step_of(step, version) for version in verified for step in ("consent", "enable")]
    for response in [root.upload(b"<html>"), *map(root.get, urls)]:
        page = text_of(response)
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>", page)
        assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", page)


def test_the_consent_page_takes_as_many_queries_however_many_plugins_answer_the_same_hook(root: Staff) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert root.get(step_of("consent", version)).status_code == 200
        return len(queries)

    version = install(greeter(), enable=False).versions.get()
    before = count()
    for number in range(3):
        install(plugin_component(f"other-{number}", hooks={"order-placed": text_hook(ok("hello"))}))
    assert count() == before


def test_an_agreement_goes_with_its_version(approver: Staff, staff: MakeStaff) -> None:
    version = install(writer(), enable=False).versions.get()
    _agree(approver, version, "database")
    User.objects.filter(pk=approver.user.pk).delete()
    assert Agreement.objects.get().agreed_by is None
    assert staff("view_plugin").get(step_of("enable", version)).status_code == 200
    lifecycle.delete(version.plugin)
    assert not Agreement.objects.exists()
    assert not Plugin.objects.exists()
