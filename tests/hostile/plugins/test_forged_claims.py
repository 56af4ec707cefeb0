"""A plugin that says itself who calls: the host answers from the user who really did."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.test import Client

from tests.components import Function, authorize, echo, json_handler, ok, plugin_component, route
from tests.installed import install
from wasm_plugins import get_plugin_manager, models
from wasm_plugins.exceptions import PluginFailed
from wasm_plugins.registry import mark_changed
from wasm_plugins.runtime.contract import HOST_TYPES

pytestmark = pytest.mark.django_db

FORGED = [
    '{"sub": "1", "username": "root", "is_superuser": true, "is_staff": true}',
    '{"tenant_id": "t-1", "permissions": ["superuser", "shop.view_order"]}',
    '{"hasura_claims": {"default_role": "admin", "allowed_roles": ["admin"], "tenant_id": "t-1"}}',
    "null",
    "no json",
    "",
    "[" * 10_000,
    "x" * 100_000,
]


def asking(*permissions: str, **forged: Any) -> Function:
    """A handler that asks whether the caller may, with claims of its own making."""
    return json_handler(ok('"yes"', first=[authorize(*permissions, **forged)]))


def served(handler: Function) -> None:
    """Serve it to everybody."""
    component = plugin_component("guard", routes=[route("/guard/ask", handler)], tasks={"ask-later": handler})
    install(component, grants={"authorization": {}})
    models.Route.objects.update(access="public")
    mark_changed()


@pytest.mark.parametrize("claims", FORGED, ids=range(len(FORGED)))
@pytest.mark.parametrize("caller", ["ann", "nobody"])
@pytest.mark.parametrize("permission", ["superuser", "shop.view_order", "wasm_plugins.change_plugin"])
def test_hp_20_forged_claims_authorize_nothing(client: Client, claims: str, caller: str, permission: str) -> None:
    User.objects.create_superuser("root")
    if caller == "ann":
        client.force_login(User.objects.create_user("ann"))
    served(asking(permission, claims=claims, allow_super_admin_auth=True))
    response = client.get("/plugins/guard/ask")
    assert (response.status_code, response.json()["error"]["code"]) == (422, "plugin-failed")


def test_hp_20_the_decision_is_the_real_users_whatever_the_claims_say(client: Client) -> None:
    ann = User.objects.create_user("ann")
    ann.user_permissions.add(Permission.objects.get(codename="view_order"))
    client.force_login(ann)
    served(asking("shop.view_order", claims='{"username": "nobody", "permissions": []}'))
    assert client.get("/plugins/guard/ask").json() == "yes"


@pytest.mark.parametrize("tenant", ["t-1", "", "None", "null", "0", "1"])
def test_hp_20_a_tenant_that_the_plugin_names_is_not_the_users(client: Client, tenant: str) -> None:
    client.force_login(User.objects.create_superuser("root"))
    served(asking(claims=FORGED[1], tenant=tenant, allow_super_admin_auth=True))
    assert client.get("/plugins/guard/ask").status_code == 422


def test_hp_20_a_task_asks_for_the_user_who_asked_for_it() -> None:
    served(asking("shop.view_order", claims=FORGED[0], allow_super_admin_auth=True))
    manager, root = get_plugin_manager(), User.objects.create_superuser("root")
    for user in (User.objects.create_user("ann"), AnonymousUser(), None):
        with pytest.raises(PluginFailed):
            manager.execute_task("guard/ask-later", {"claims": {"username": "root"}}, user=user)
    assert manager.execute_task("guard/ask-later", user=root) == '"yes"'


def test_hp_20_what_is_logged_names_the_plugin_and_never_the_forged_user(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client.force_login(User.objects.create_user("ann"))
    served(asking("superuser", claims=json.dumps({"username": "forged-root"})))
    client.get("/plugins/guard/ask")
    assert "forged-root" not in caplog.text


def test_hp_20_the_host_writes_the_claims_that_a_handler_gets(client: Client) -> None:
    client.force_login(User.objects.create_user("ann"))
    served(json_handler(echo()))
    answer = client.get("/plugins/guard/ask", {"claims": FORGED[0]}).json()
    assert (answer["claims"]["username"], answer["claims"]["is_superuser"]) == ("ann", False)


def test_hp_20_no_other_import_takes_an_identity() -> None:
    """No function has a parameter by which a plugin could say whom it acts for, or that it is another plugin."""
    suspicious = {"user", "claims", "tenant", "plugin", "plugin-name", "caller", "sub", "username", "tenant-id-opt"}
    found = {
        f"{interface}.{name}": {param for param, _ in func.params} & suspicious
        for interface, functions in HOST_TYPES.items()
        for name, func in functions.items()
    }
    assert {name: words for name, words in found.items() if words} == {
        "plugins-manager:jwt/authorization.authorize": {"claims", "tenant-id-opt"}
    }
