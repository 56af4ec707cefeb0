"""Grants as a form: what is typed is checked at its field, who granted is remembered, every process notices."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils.html import escape

from tests.admin.pages import Staff, page_of, text_of, words_of
from tests.admin.plugins import IMG, reader, writer
from tests.installed import install
from wasm_plugins.admin.forms import SCOPE_EXAMPLES
from wasm_plugins.capabilities import CAPABILITIES
from wasm_plugins.grants import check_grant
from wasm_plugins.models import Generation, Grant, Plugin
from wasm_plugins.registry import find_snapshot

pytestmark = pytest.mark.django_db

SCOPE = {"tables": {"shop_order": ["select"]}}


@pytest.fixture
def plugin(db: None) -> Plugin:
    """A plugin that asks for the database and got nothing."""
    return install(writer(), enable=False)


def _added(scope: str, capability: str = "database", at: int = 0) -> dict[str, Any]:
    """Return the fields of a row that was added to the form."""
    return {
        "grants-TOTAL_FORMS": str(at + 1),
        f"grants-{at}-capability": capability,
        f"grants-{at}-scope": scope,
    }


def test_a_grant_that_is_typed_is_saved_with_who_granted_it_and_serves_at_once(approver: Staff, plugin: Plugin) -> None:
    response = approver.save(plugin, _added(json.dumps(SCOPE)))
    assert response.status_code == 302
    grant = plugin.grants.get()
    assert (grant.capability, grant.scope, grant.granted_by) == ("database", SCOPE, approver.user)
    assert len(approver.history()) == 1
    approver.act(plugin, "enable")
    assert find_snapshot().plugins["writer"].grants == {"database": SCOPE}


@pytest.mark.parametrize(
    ("capability", "scope"),
    [
        ("database", "{"),
        ("database", "select everything"),
        ("database", "[]"),
        ("database", '["shop_order"]'),
        ("database", "7"),
        ("database", '"<b>"'),
        ("database", "[" * 100_000),
        ("database", "9" * 10_000),
        ("database", "NaN"),
        ("database", '{"tables": []}'),
        ("database", '{"tables": {"shop_order": []}}'),
        ("database", '{"tables": {"shop_order": "select"}}'),
        ("database", '{"tables": {"shop_order": ["truncate"]}}'),
        ("database", '{"tables": {"shop_order": ["select"]}, "schemas": {}}'),
        ("database", '{"tables": {"pg_authid": ["select"]}}'),
        ("database", '{"tables": {"Shop Order": ["select"]}}'),
        ("database", '{"tables": {"shop_order\\u0000": ["select"]}}'),
        ("authorization", '{"permissions": ["shop.view_order"]}'),
        ("http", '{"hosts": "https://api.example.com"}'),
        ("http", '{"hosts": ["api.example.com"]}'),
        ("http", '{"hosts": ["https://*.com"]}'),
        ("http", '{"hosts": ["https://ok@127.0.0.1"]}'),
        ("http", '{"hosts": [], "in_transaction": "no"}'),
    ],
)
def test_a_scope_that_cannot_be_meant_is_refused_at_its_field(
    approver: Staff, plugin: Plugin, capability: str, scope: str
) -> None:
    before = Generation.current_token()
    page = text_of(approver.save(plugin, _added(scope, capability)))
    assert 'id="id_grants-0-scope_error"' in page
    assert not plugin.grants.exists()
    assert Generation.current_token() == before


def test_a_capability_that_does_not_exist_is_refused_at_its_field(approver: Staff, plugin: Plugin) -> None:
    page = text_of(approver.save(plugin, _added("{}", "filesystem")))
    assert 'id="id_grants-0-capability_error"' in page
    assert not plugin.grants.exists()


@pytest.mark.parametrize("scope", ["", "{}", "null"])
def test_an_empty_scope_is_an_empty_object(approver: Staff, plugin: Plugin, scope: str) -> None:
    assert approver.save(plugin, _added(scope, "authorization")).status_code == 302
    assert plugin.grants.get().scope == {}


def test_the_same_capability_cannot_be_granted_twice(approver: Staff, plugin: Plugin) -> None:
    twice = {**_added("{}", at=0), **_added("{}", at=1)}
    assert approver.save(plugin, twice).status_code == 200
    assert not plugin.grants.exists()
    approver.save(plugin, _added("{}"))
    assert approver.save(plugin, _added("{}", at=1)).status_code == 200
    assert plugin.grants.count() == 1


def test_a_changed_scope_is_saved_by_its_new_granter_and_noticed(approver: Staff, root: Staff, plugin: Plugin) -> None:
    approver.save(plugin, _added(json.dumps(SCOPE)))
    approver.act(plugin, "enable")
    assert find_snapshot().plugins["writer"].grants == {"database": SCOPE}
    wider = {"tables": {"shop_order": ["select", "delete"]}}
    assert root.save(plugin, {"grants-0-scope": json.dumps(wider)}).status_code == 302
    assert find_snapshot().plugins["writer"].grants == {"database": wider}
    assert plugin.grants.get().granted_by == root.user


def test_what_nobody_touched_keeps_its_granter_and_wakes_no_process(
    approver: Staff, root: Staff, plugin: Plugin
) -> None:
    approver.save(plugin, _added(json.dumps(SCOPE)))
    before = Generation.current_token()
    assert root.save(plugin, {}).status_code == 302
    assert plugin.grants.get().granted_by == approver.user
    assert Generation.current_token() == before


def test_a_grant_that_is_taken_back_stops_the_plugin(approver: Staff, plugin: Plugin) -> None:
    approver.save(plugin, _added(json.dumps(SCOPE)))
    approver.act(plugin, "enable")
    assert "writer" in find_snapshot().plugins
    assert approver.save(plugin, {"grants-0-DELETE": "on"}).status_code == 302
    assert not plugin.grants.exists()
    assert "writer" not in find_snapshot().plugins


def test_what_was_granted_cannot_be_turned_into_another_capability(approver: Staff, plugin: Plugin) -> None:
    approver.save(plugin, _added("{}"))
    approver.save(plugin, {"grants-0-capability": "authorization"})
    assert plugin.grants.get().capability == "database"


def test_who_granted_cannot_be_forged(approver: Staff, root: Staff, plugin: Plugin) -> None:
    approver.save(plugin, {**_added("{}"), "grants-0-granted_by": str(root.user.pk)})
    assert plugin.grants.get().granted_by == approver.user


def test_a_grant_of_another_plugin_cannot_be_changed_from_here(approver: Staff, plugin: Plugin) -> None:
    other = install(reader(name="other"), grants={"database": SCOPE})
    theirs = other.grants.get()
    approver.save(plugin, _added("{}"))
    approver.save(plugin, {"grants-0-id": str(theirs.pk), "grants-0-scope": "{}", "grants-0-DELETE": "on"})
    assert Grant.objects.get(pk=theirs.pk).scope == SCOPE


def test_a_grant_is_told_in_words_and_only_those_who_may_change_it_see_json(
    approver: Staff, viewer: Staff, plugin: Plugin
) -> None:
    approver.save(plugin, _added(json.dumps({"tables": {"shop_order": ["select", "delete"]}})))
    for somebody in (approver, viewer):
        assert "shop_order (select, delete)" in words_of(somebody.get(page_of(plugin)))
    assert 'name="grants-0-scope"' in text_of(approver.get(page_of(plugin)))
    assert "{&quot;tables" not in text_of(viewer.get(page_of(plugin)))


def test_what_a_scope_says_is_escaped(approver: Staff, viewer: Staff, plugin: Plugin) -> None:
    Grant.objects.create(plugin=plugin, capability="html", scope={"tables": {IMG: ["select"]}})
    for somebody in (approver, viewer):
        page = text_of(somebody.get(page_of(plugin)))
        assert IMG not in page
        assert f"{escape(IMG)} (select)" in page


def test_below_the_scopes_there_is_an_example_for_each_capability_which_is_valid(
    approver: Staff, viewer: Staff, plugin: Plugin
) -> None:
    page = text_of(approver.get(page_of(plugin)))
    assert tuple(sorted(SCOPE_EXAMPLES)) == CAPABILITIES
    for capability, example in SCOPE_EXAMPLES.items():
        check_grant(capability, json.loads(example))
        assert f"<code>{escape(example)}</code>" in page
    assert 'aria-describedby="scope-examples"' in page
    assert page.count('id="scope-examples"') == 1
    assert 'id="scope-examples"' not in text_of(viewer.get(page_of(plugin)))
