"""The page of a plugin's limits: a labelled number for each, who may open it, and what is refused."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.admin.conftest import MakeStaff
from tests.admin.pages import Staff, page_of, text_of
from tests.admin.plugins import greeter
from tests.installed import install
from wasm_plugins.models import Plugin
from wasm_plugins.registry import find_snapshot
from wasm_plugins.tuning import LIMITS, in_words

pytestmark = pytest.mark.django_db


@pytest.fixture
def tuner(staff: MakeStaff) -> Staff:
    """Somebody who may only change limits."""
    return staff("tune_plugin")


@pytest.fixture
def plugin(db: None) -> Plugin:
    """A plugin that is on."""
    return install(greeter())


def url_of(plugin: Plugin) -> str:
    return reverse("admin:wasm_plugins_plugin_limits", args=[plugin.pk])


def test_every_limit_has_a_label_and_a_help_with_its_default(tuner: Staff, plugin: Plugin) -> None:
    page = text_of(tuner.get(url_of(plugin)))
    for name, limit in LIMITS.items():
        assert f'<label for="id_{name}">' in page
        assert f'aria-describedby="id_{name}_helptext"' in page
        assert f"Empty: {in_words(name, limit.default)}, as WASM_PLUGINS_{limit.setting} says." in page
    assert f'href="{url_of(plugin)}"' in text_of(tuner.get(page_of(plugin)))


def test_numbers_are_saved_and_hold_at_once_and_an_empty_field_is_the_projects(tuner: Staff, plugin: Plugin) -> None:
    find_snapshot()
    assert tuner.post(url_of(plugin), {"memory_bytes": "1048576", "host_calls": "7"}).status_code == 302
    assert find_snapshot().plugins["greeter"].limits == {"memory_bytes": 1_048_576, "host_calls": 7}
    assert 'value="1048576"' in text_of(tuner.get(url_of(plugin)))
    assert tuner.post(url_of(plugin), {"host_calls": "8", "memory_bytes": ""}).status_code == 302
    assert find_snapshot().plugins["greeter"].limits == {"host_calls": 8}
    assert tuner.history() == ["changed limits", "changed limits"]


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "9" * 30, "<img src=x>"])
def test_a_number_out_of_its_range_is_refused_at_its_field(tuner: Staff, plugin: Plugin, value: str) -> None:
    page = text_of(tuner.post(url_of(plugin), {"memory_bytes": value, "host_calls": "7"}))
    assert 'id="id_memory_bytes_error"' in page
    assert "<img src=x" not in page
    plugin.refresh_from_db()
    assert plugin.limits == {}


@pytest.mark.parametrize("permission", ["approve_plugin", "upload_plugin", "change_plugin", "view_plugin"])
def test_nobody_without_the_permission_sees_or_changes_limits(
    staff: MakeStaff, plugin: Plugin, permission: str
) -> None:
    somebody = staff(permission)
    assert somebody.get(url_of(plugin)).status_code == 403
    assert somebody.post(url_of(plugin), {"host_calls": "7"}).status_code == 403
    assert url_of(plugin) not in text_of(somebody.get(page_of(plugin)))
    plugin.refresh_from_db()
    assert plugin.limits == {}


def test_a_request_from_another_site_changes_nothing(staff: MakeStaff, plugin: Plugin) -> None:
    somebody = staff("tune_plugin", enforce_csrf=True)
    assert somebody.post(url_of(plugin), {"host_calls": "7"}).status_code == 403


def test_bytes_are_shown_in_larger_units_beside(tuner: Staff, plugin: Plugin) -> None:
    tuner.post(url_of(plugin), {"memory_bytes": str(48 * 1024 * 1024)})
    page = text_of(tuner.get(url_of(plugin)))
    assert "Now 50331648 (48 MiB)." in page
    assert "65536 (64 KiB) to " in page
    assert "Empty: 67108864 (64 MiB), as " in page
