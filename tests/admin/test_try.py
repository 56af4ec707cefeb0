"""The page where a version is tried: who may, what is beside the fields, and what came of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.urls import reverse
from pytest_django import Settings

from tests.admin.conftest import MakeStaff
from tests.admin.pages import Staff, page_of, text_of
from tests.admin.plugins import IMG, greeter, refused
from tests.components import echo, err, json_handler, log, ok, plugin_component, route, sql, text_hook, trap
from tests.installed import install, tables
from wasm_plugins import lifecycle
from wasm_plugins.admin.try_inputs import _argument
from wasm_plugins.models import AuditEntry, Plugin
from wasm_plugins.runtime.wit import ListOf, Primitive
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db

ADD = sql("INSERT INTO auth_group (name) VALUES ($1)", "added")
TOML = '[capabilities.database.tables]\nauth_group = ["insert"]\n'
COMMON = {"as_whom": "me", "allowance": "granted"}


@pytest.fixture
def tester(staff: MakeStaff) -> Staff:
    """Somebody who may only run plugins by hand."""
    return staff("run_plugin")


def _url(plugin: Plugin, call: str = "", version: int | None = None) -> str:
    query = f"?call={call}" + (f"&version={version}" if version else "")
    return reverse("admin:wasm_plugins_plugin_try", args=[plugin.pk]) + (query if call else "")


def _try(staff: Staff, plugin: Plugin, call: str, **data: Any) -> str:
    return text_of(staff.post(_url(plugin, call), {**COMMON, **data}))


def _writer(body: Any = None) -> Plugin:
    task = json_handler(body or ok("{}", first=[ADD]))
    return install(plugin_component("writer", tasks={"write": task}, toml=TOML), enable=False)


def test_only_whoever_may_run_plugins_finds_and_opens_the_page(
    tester: Staff, approver: Staff, uploader: Staff, viewer: Staff
) -> None:
    plugin = install(greeter())
    for other in (approver, uploader, viewer):
        assert other.get(_url(plugin)).status_code == 403
        assert other.post(_url(plugin, "task:greet"), COMMON).status_code == 403
        assert _url(plugin) not in text_of(other.get(page_of(plugin)))
    assert _url(plugin) in text_of(tester.get(page_of(plugin)))
    assert "What to call" in text_of(tester.get(_url(plugin)))
    assert not AuditEntry.objects.filter(act="try").exists()


def test_what_there_is_not_is_not_found(tester: Staff) -> None:
    plugin = install(greeter())
    assert tester.get(_url(refused())).status_code == 404
    assert tester.get(_url(plugin, "task:greet", 9)).status_code == 404
    assert "has no such thing to call" in text_of(tester.get(_url(plugin, "task:other")))
    assert tester.get(reverse("admin:wasm_plugins_plugin_try", args=[999])).status_code == 404


def test_a_hook_has_a_field_for_each_argument_with_its_type(tester: Staff) -> None:
    plugin = install(plugin_component("greeter", hooks={"order-placed": text_hook(echo())}))
    page = text_of(tester.get(_url(plugin, "hook:order-placed")))
    assert "order-id (s64)" in page and "note (string)" in page
    page = _try(tester, plugin, "hook:order-placed", **{"arg-0": "42", "arg-1": "gift"})
    assert "&quot;gift&quot;" in page or "gift</pre>" in page
    assert "Used of each limit" in page


@pytest.mark.parametrize("wrong", ["", "{", '"text"', "1.5", "9223372036854775808", "true"])
def test_an_argument_that_does_not_fit_is_an_error_beside_its_field(tester: Staff, wrong: str) -> None:
    plugin = install(plugin_component("greeter", hooks={"order-placed": text_hook(echo())}))
    page = _try(tester, plugin, "hook:order-placed", **{"arg-0": wrong, "arg-1": "gift"})
    assert "Nothing was called" in page and page.count('<ul class="errorlist"') == 1
    assert "try-outcome" not in page
    assert not AuditEntry.objects.filter(act="try").exists()


@pytest.mark.parametrize("wrong", ["", "{", "NaN"])
def test_a_task_that_gets_no_json_is_not_called(tester: Staff, wrong: str) -> None:
    page = _try(tester, install(greeter()), "task:greet", text=wrong)
    assert page.count('<ul class="errorlist"') == 1 and "try-outcome" not in page


def test_a_body_that_the_host_refuses_is_an_error_beside_it(tester: Staff) -> None:
    plugin = install(plugin_component("pages", routes=[route("/pages/one", json_handler(echo()))]))
    sent = {"method": "POST", "content_type": "application/json"}
    page = _try(tester, plugin, "route:/pages/one", body="[1]", **sent)
    assert "the body must be a JSON object" in page and "try-outcome" not in page
    page = _try(tester, plugin, "route:/pages/one", body='{"a": 1}', query="?b=2", **sent)
    assert "HTTP status 200" in page and "X-Content-Type-Options" in page and "&quot;a&quot;: 1" in page


def test_what_is_not_granted_is_allowed_for_one_call_by_those_who_approve_and_nobody_else(
    tester: Staff, staff: MakeStaff, settings: Settings
) -> None:
    plugin = _writer()
    page = text_of(tester.get(_url(plugin, "task:write")))
    assert "only compute: version 1 does not serve" in page and "in this one call" not in page
    assert "is not allowed in this trial" in _try(tester, plugin, "task:write", text="{}", allowance="nothing")
    page = _try(tester, plugin, "task:write", text="{}", allowance="asked")
    assert page.count('<ul class="errorlist"') == 1 and "try-outcome" not in page
    both = staff("run_plugin", "approve_plugin")
    assert "in this one call: database – auth_group (insert)" in text_of(both.get(_url(plugin, "task:write")))
    page = _try(both, plugin, "task:write", text="{}", allowance="asked")
    assert "SQL: 1 statement, undone" in page and "INSERT INTO auth_group" in page
    assert not Group.objects.exists() and not plugin.grants.exists()
    settings.WASM_PLUGINS_TWO_PERSONS = True
    version = plugin.versions.get()
    version.uploaded_by = both.user
    version.save()
    assert "in this one call" not in text_of(both.get(_url(plugin, "task:write")))


def test_what_was_granted_to_the_version_that_serves_no_other_gets_without_an_approval(staff: MakeStaff) -> None:
    serving, grants = _writer(), {**tables(auth_group=["insert"]), "http": {"hosts": ["https://example.com"]}}
    for capability, scope in grants.items():
        lifecycle.grant(serving, capability, scope)
    who, both = staff("run_plugin", "upload_plugin"), staff("run_plugin", "approve_plugin")
    url = _url(serving, "task:write", 1)
    assert 'name="http"' not in text_of(who.get(url))  # nothing of it is on
    lifecycle.enable(serving)
    assert 'name="http"' in text_of(who.get(url))
    assert "SQL: 1 statement, undone" in text_of(who.post(url, {**COMMON, "text": "{}"}))
    task = json_handler(ok('"newer"', first=[ADD]))
    record_upload(plugin_component("writer", tasks={"write": task}, toml=TOML), by=who.user)
    url = _url(serving, "task:write", 2)
    page = text_of(who.get(url))
    assert "only compute: version 2 does not serve" in page
    assert 'name="http"' not in page and 'value="granted"' not in page
    for allowance in ("granted", "asked"):
        page = text_of(who.post(url, {**COMMON, "text": "{}", "allowance": allowance, "http": "on"}))
        assert "Nothing was called" in page and "try-outcome" not in page
    page = text_of(who.post(url, {**COMMON, "text": "{}", "allowance": "nothing", "http": "on"}))
    assert "is not allowed in this trial" in page and "SQL: 0 statements" in page
    assert AuditEntry.objects.filter(act="try").latest("pk").details["allowed"] == []
    assert 'name="http"' in text_of(both.get(url))
    assert "SQL: 1 statement, undone" in text_of(both.post(url, {**COMMON, "text": "{}"}))


def test_an_argument_that_weighs_too_much_is_an_error_beside_its_field() -> None:
    with pytest.raises(ValidationError, match="argument_bytes"):
        _argument(f"[{'1,' * 400_000}1]", ListOf(Primitive("s64")), "numbers")


@pytest.mark.parametrize("text", ['"\\ud800"', '"\\u0000"'])
def test_half_a_character_is_an_error_beside_its_field_or_arrives(tester: Staff, text: str) -> None:
    plugin = install(
        plugin_component("greeter", hooks={"order-placed": text_hook(echo())}, tasks={"go": json_handler(echo())})
    )
    assert "errorlist" in _try(tester, plugin, "hook:order-placed", **{"arg-0": "1", "arg-1": '"\\ud800"'})
    assert "try-outcome" in _try(tester, plugin, "task:go", text=text)


@pytest.mark.parametrize("body", [trap(first=[log(IMG)]), err(IMG), ok(f'"{IMG}"', first=[log(IMG)])])
def test_nothing_that_a_plugin_says_is_html(tester: Staff, body: Any) -> None:
    page = _try(tester, install(plugin_component("evil", tasks={"go": json_handler(body)})), "task:go", text="{}")
    assert "try-outcome" in page
    assert IMG not in page and "&lt;img" in page


def test_a_crash_shows_the_plugins_backtrace(tester: Staff) -> None:
    page = _try(tester, install(plugin_component("evil", tasks={"go": json_handler(trap())})), "task:go", text="{}")
    assert "It gave no answer" in page and "plugin-trapped" in page and "Backtrace of the plugin" in page


def test_a_plugin_acts_for_others_only_by_leave(tester: Staff, staff: MakeStaff, root: Staff) -> None:
    User.objects.create_user("ann")
    plugin = install(plugin_component("pages", routes=[route("/pages/one", json_handler(echo()))]))

    def acted(who: Staff, name: str) -> str:
        sent = {"method": "POST", "content_type": "application/json", "as_whom": "other", "username": name}
        return _try(who, plugin, "route:/pages/one", **sent)

    assert "permission to see users" in acted(tester, "ann")
    seer = staff("run_plugin")
    _give_view_user(seer)
    assert "&quot;username&quot;: &quot;ann&quot;" in acted(seer, "ann")
    assert "Only superusers may act for staff" in acted(seer, "root")
    assert "There is no such user" in acted(seer, "bob")
    assert "&quot;username&quot;: &quot;root&quot;" in acted(root, "root")
    page = _try(seer, plugin, "route:/pages/one", method="POST", content_type="application/json", as_whom="nobody")
    assert "authentication-required" in page and "HTTP status 401" in page


def _give_view_user(staff: Staff) -> None:
    staff.user.user_permissions.add(Permission.objects.get(codename="view_user"))
    staff.user = User.objects.get(pk=staff.user.pk)


def test_the_form_needs_its_token(staff: MakeStaff) -> None:
    plugin = install(greeter())
    answer: HttpResponse = staff("run_plugin", enforce_csrf=True).post(
        _url(plugin, "task:greet"), {**COMMON, "text": "{}"}
    )
    assert answer.status_code == 403
