"""Three kinds of staff walk through every page of the plugin admin and press every button: a table says what opens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse

from tests.admin.conftest import MakeStaff
from tests.admin.pages import AUDIT, LIST, RUNS, STORED, SYNC, UPLOAD, VERSIONS, Staff, page_of
from tests.admin.settings_plugin import GOOD, install_teller, settings_url
from wasm_plugins.admin import permissions
from wasm_plugins.admin.by_hand import run_url
from wasm_plugins.models import AuditEntry, Plugin, StoredObject, TaskRun

pytestmark = pytest.mark.django_db

KINDS: Final = {
    "looker": ("view_plugin", "view_taskrun", "view_auditentry"),
    "operator": ("upload_plugin", "approve_plugin", "change_plugin", "tune_plugin", "run_plugin"),
    "keeper": ("view_secret", "change_secret"),
}
DEPLOY: Final = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "deploy.md"


@pytest.fixture
def plugin(db: None) -> Plugin:
    """A plugin that is on, with a task, a setting, a secret that it may have, a run and a stored object."""
    plugin = install_teller()
    TaskRun.objects.create(plugin=plugin, handler="tell", input="{}", queue="default", timeout_s=5)
    StoredObject.objects.get_or_create(key="plugins/x.wasm", defaults={"size_bytes": 1})
    return plugin


def _page(plugin: Plugin, name: str) -> str:
    return reverse(f"admin:wasm_plugins_plugin_{name}", args=[plugin.pk])


def _pages(plugin: Plugin) -> dict[str, str]:
    """Return who opens each page: the first letters of the kinds."""
    run, entry, version = TaskRun.objects.get(), AuditEntry.objects.order_by("pk")[0], plugin.versions.get()
    return {
        LIST: "lo",
        page_of(plugin): "lo",
        _page(plugin, "history"): "lo",
        settings_url(plugin): "lo",
        VERSIONS: "lo",
        f"{VERSIONS}{version.pk}/change/": "lo",
        UPLOAD: "o",
        _page(plugin, "limits"): "o",
        run_url(plugin.tasks.get(), "admin"): "o",
        _page(plugin, "secrets"): "k",
        _page(plugin, "delete"): "",
        RUNS: "l",
        f"{RUNS}{run.pk}/change/": "l",
        AUDIT: "l",
        f"{AUDIT}{entry.pk}/change/": "l",
        STORED: "",
    }


def _buttons(plugin: Plugin) -> list[tuple[str, dict[str, Any], str]]:
    """List each form with what it sends and who may."""
    act = _page(plugin, "act")
    return [
        (act, {"act": "disable"}, "o"),
        (act, {"act": "release"}, "o"),
        (act, {"act": "grant-requested", "number": "1"}, "o"),
        (act, {"act": "use-version", "number": "1"}, "o"),
        (act, {"act": "enable", "number": "1"}, "o"),
        (SYNC, {}, "o"),
        (_page(plugin, "limits"), {}, "o"),
        (run_url(plugin.tasks.get(), "admin"), {"input": "{"}, "o"),
        (settings_url(plugin), GOOD, "o"),
        (_page(plugin, "secrets"), {"act": "unset", "name": "token"}, "k"),
        (_page(plugin, "delete"), {"post": "yes"}, ""),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_staff_opens_its_pages_and_presses_its_buttons_and_no_others(
    staff: MakeStaff, plugin: Plugin, kind: str
) -> None:
    who: Staff = staff(*KINDS[kind])
    for url, kinds in _pages(plugin).items():
        assert who.get(url).status_code == (200 if kind[0] in kinds else 403), url
    for url, data, kinds in _buttons(plugin):
        status = who.post(url, data).status_code
        assert status in ((200, 302) if kind[0] in kinds else (403,)), (url, data)
    assert Plugin.objects.filter(pk=plugin.pk).exists()


def test_every_permission_exists_and_stands_in_the_documentation() -> None:
    names = {f"wasm_plugins.{each}" for each in Permission.objects.values_list("codename", flat=True)}
    assert permissions.ALLOWS.keys() <= names
    told = re.findall(r"^\| `(wasm_plugins\.[a-z_]+)` \| (.+) \|$", DEPLOY.read_text(), re.MULTILINE)
    documented = {name: re.sub(r"\[([^]]+)\]\([^)]+\)|`([^`]+)`", r"\1\2", words) for name, words in told}
    assert documented == {name: str(words) for name, words in permissions.ALLOWS.items()}
