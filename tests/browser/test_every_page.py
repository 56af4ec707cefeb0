"""Every page of ours in the admin, and those that visitors see: clean in light, in dark and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, reverse
from pytest_django.live_server_helper import LiveServer

from tests.browser.person import Person, person
from tests.browser.plugins import ORDERS, loyalty, tea_cosy
from tests.browser_session import Browser
from tests.installed import install
from wasm_plugins.models import KeyValue, KeyValueUsage, Plugin, PluginVersion, StoredObject, TaskRun, TrustedKey
from wasm_plugins.sync import record_upload
from wasm_plugins.tokens import make_token

_APP: Final = "wasm_plugins"
_OF_DJANGO: Final = ("_history", "_delete")
"""How the names of pages end that are Django's alone."""
_IN_ADDRESSES: Final = {"a": 1, "b": 2, "number": 1, "task": "recount"}
"""What addresses have beside a record's key."""


def _make_rows(user: User) -> None:
    """Make at least one row of everything that the admin shows."""
    plugin = install(loyalty(), grants=ORDERS)
    record_upload(loyalty(2))
    Plugin.objects.update(current_version=plugin.versions.get(number=2))
    TaskRun.objects.create(plugin=plugin, handler="recount", input="{}", queue="default", timeout_s=5)
    KeyValue.objects.create(plugin=plugin, bucket="default", key="points", value=b"7", size_bytes=7)
    KeyValueUsage.objects.create(plugin=plugin, keys=1, size_bytes=7)
    StoredObject.objects.create(key="plugins/odd.wasm", fingerprint="x", size_bytes=1, problem="this is no component")
    TrustedKey.objects.create(name="Ida", public_key="ab" * 32, added_by=user)
    make_token(user, "build server")


def _pages(client: Client) -> Iterator[tuple[str, str]]:
    """List name and address of every page of ours: what answers a GET with HTML, under any address of the admin."""
    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label != _APP:
            continue
        row = model._default_manager.first()
        assert row is not None, f"make a {model.__name__}"
        for pattern in model_admin.get_urls():
            if pattern.name and not pattern.name.endswith(_OF_DJANGO):
                address = reverse(f"admin:{pattern.name}", kwargs=_arguments(pattern, row))
                answer = client.get(address)
                if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
                    yield pattern.name.removeprefix(f"{_APP}_"), address


def _arguments(pattern: URLPattern, row: Model) -> dict[str, Any]:
    key = PluginVersion.objects.earliest("pk").pk if "_version_" in (pattern.name or "") else row.pk
    return {name: _IN_ADDRESSES.get(name, key) for name in pattern.pattern.converters}


def test_every_page_of_the_admin_is_clean_for_everybody(
    browser: Browser, live_server: LiveServer, transactional_db: None
) -> None:
    user, client = User.objects.create_superuser("root"), Client()
    client.force_login(user)
    _make_rows(user)
    pages = dict(_pages(client))
    assert {"plugin_changelist", "plugin_change", "plugin_version_consent", "plugin_try", "taskrun_change"} <= set(
        pages
    )
    problems = []
    with person(browser, live_server.url, client) as root:
        for name, address in pages.items():
            root.open(address)
            problems += root.look_for_problems(name)
    assert not problems, "\n".join(problems)


def test_what_visitors_see_is_clean_for_everybody(visitor: Person) -> None:
    tea_cosy()
    install(loyalty(), grants=ORDERS)
    visitor.open("/")
    visitor.look("shop")
    visitor.open("/admin/login/")
    visitor.look("login")
    visitor.open("/plugins/loyalty/nothing", status=404)
    visitor.sees("An example project", within="body")  # in the project's own frame
    visitor.look("route-error")
