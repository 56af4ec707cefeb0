"""``authorize``: answered from the user who really called, whatever the plugin says."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User

from tests.components import authorize, ok, plugin_component, text_hook
from tests.installed import install
from wasm_plugins import get_plugin_manager
from wasm_plugins.exceptions import PluginFailed

pytestmark = pytest.mark.django_db


def asked_as(user: Any, *permissions: str, **kwargs: Any) -> str:
    component = plugin_component(
        "guard", hooks={"ask": text_hook(ok("yes", first=[authorize(*permissions, **kwargs)]))}
    )
    install(component, grants={"authorization": {}})
    manager = get_plugin_manager()
    with manager.acting_as(user):
        try:
            return str(manager.call_hook_dynamic("ask", 1, "").values[0])
        except PluginFailed as error:
            return f"no: {error.detail}"


def test_a_user_with_the_permission_is_authorized() -> None:
    user = User.objects.create_user("ann")
    user.user_permissions.add(Permission.objects.get(codename="view_order"))
    assert asked_as(user, "shop.view_order") == "yes"


def test_a_user_who_lacks_one_is_not_and_is_told_which() -> None:
    user = User.objects.create_user("ann")
    user.user_permissions.add(Permission.objects.get(codename="view_order"))
    assert asked_as(user, "shop.view_order", "shop.add_order") == "no: the user lacks shop.add_order"


def test_no_permission_at_all_means_logged_in() -> None:
    assert asked_as(User.objects.create_user("ann")) == "yes"


@pytest.mark.parametrize("user", [None, AnonymousUser()])
def test_nobody_is_never_authorized(user: Any) -> None:
    assert asked_as(user).startswith("no")


def test_a_user_who_was_switched_off_is_not_authorized() -> None:
    assert asked_as(User.objects.create_user("ann", is_active=False)).startswith("no")


@pytest.mark.parametrize("tenant", ["None", "", "t-1"])
def test_a_user_without_a_tenant_belongs_to_none_whatever_it_is_called(tenant: str) -> None:
    assert asked_as(User.objects.create_user("ann"), tenant=tenant).startswith("no")


def test_being_a_superuser_counts_only_where_the_plugin_lets_it() -> None:
    root = User.objects.create_superuser("root")
    assert asked_as(root, "shop.view_order").startswith("no")
    assert asked_as(root, "shop.view_order", allow_super_admin_auth=True) == "yes"


def test_a_superuser_who_was_given_the_permission_has_it_either_way() -> None:
    root = User.objects.create_superuser("root")
    root.user_permissions.add(Permission.objects.get(codename="view_order"))
    assert asked_as(root, "shop.view_order") == "yes"
