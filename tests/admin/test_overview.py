"""The list of plugins: how each stands, its day, and above them what needs an admin, the worst first."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from tests.admin.pages import LIST, Staff, page_of, text_of
from tests.admin.plugins import IMG, greeter, one_in_each_state, reader, refuse, refused, writer
from tests.admin.settings_plugin import install_teller
from tests.installed import install
from wasm_plugins import lifecycle
from wasm_plugins.admin.overview import find_needs, with_what_lists_show
from wasm_plugins.models import CallCount, Plugin, TaskRun, VersionHealth
from wasm_plugins.sealing import SecretValue
from wasm_plugins.secret_acts import set_secret
from wasm_plugins.settings_acts import set_settings
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db


def _needs() -> list[tuple[str, str]]:
    return [(need.plugin.name, need.anchor) for need in find_needs()]


def _ill(plugin: Plugin, **health: object) -> None:
    assert plugin.current_version is not None
    VersionHealth.objects.create(version=plugin.current_version, last_error_code="plugin-trapped", **health)


def test_what_needs_an_admin_is_told_the_worst_first_with_where_to_go(root: Staff) -> None:
    plugins = one_in_each_state()
    quarantined, asleep = install(reader(name="sick")), install(reader(name="tired"))
    _ill(quarantined, quarantined_at=timezone.now(), deaths=2)
    _ill(asleep, open_until=timezone.now() + timedelta(minutes=1), times_opened=1)
    TaskRun.objects.create(
        plugin=plugins["running"], handler="greet", input="{}", queue="default", timeout_s=5, status="failed",
        finished_at=timezone.now(),
    )  # fmt: skip
    assert _needs() == [
        ("sick", "state"),
        ("tired", "state"),
        ("writer", "acts"),
        ("newer", "waiting-heading"),
        ("idle", "acts"),
        ("broken", "refused-heading"),
        ("greeter", "log"),
    ]
    page = text_of(root.get(LIST))
    assert 'id="needs-heading"' in page
    assert f'<a href="{page_of(asleep)}#state">tired</a>' in page
    rows = re.findall(r'class="field-name"><a [^>]+>([a-z]+)</a>', page)
    assert rows == ["sick", "tired", "writer", "newer", "idle", "broken", "greeter"]
    assert re.findall(r'class="field-name"><a [^>]+>([a-z]+)</a>', text_of(root.get(LIST, o="1"))) == sorted(rows)


def test_every_link_leads_to_something_on_the_plugins_page(root: Staff) -> None:
    one_in_each_state()
    install_teller()
    for need in find_needs():
        assert f'id="{need.anchor}"' in text_of(root.get(page_of(need.plugin))), need


def test_whoever_is_well_needs_nobody(root: Staff) -> None:
    install(greeter())
    assert _needs() == []
    assert 'id="needs-heading"' not in text_of(root.get(LIST))


def test_a_plugin_that_somebody_switched_off_needs_nobody() -> None:
    plugin = install(reader(), enable=False)
    assert _needs() == [("writer", "acts")]
    lifecycle.enable(plugin)
    lifecycle.disable(plugin)
    assert _needs() == []


def test_settings_that_lack_or_do_not_fit_are_told() -> None:
    plugin = install_teller()
    assert [need.words for need in find_needs()] == ["lacks settings: shop, token"]
    set_settings(plugin, {"shop": "my shop"})
    set_secret(plugin, "token", SecretValue("x"))
    assert _needs() == []
    Plugin.objects.update(settings={"shop": "my shop", "rate": 7})
    assert [need.words.rpartition(": ")[2] for need in find_needs()] == ["rate"]


def test_only_failures_of_the_last_day_are_told() -> None:
    plugin = install(greeter())
    for hours in (1, 2, 30):
        TaskRun.objects.create(
            plugin=plugin, handler="greet", input="{}", queue="default", timeout_s=5, status="failed",
            finished_at=timezone.now() - timedelta(hours=hours), due_at=timezone.now() - timedelta(hours=hours),
        )  # fmt: skip
    assert [need.words for need in find_needs()] == ["its task greet failed 2 times in the last day"]


def test_what_a_plugin_wrote_is_text_there_and_bounded(root: Staff) -> None:
    plugin = install(greeter())
    refuse(plugin, problem=f"{IMG}\n{'x' * 5_000}")
    page = text_of(root.get(LIST))
    assert IMG not in page
    assert "x" * 300 not in page


def test_the_list_has_the_day_of_each_plugin_and_what_it_serves(root: Staff) -> None:
    install(greeter())
    CallCount.objects.create(hour=timezone.now(), plugin="greeter", calls=1)
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    CallCount.objects.create(hour=hour, plugin="greeter", calls=12, failures=3)
    page = text_of(root.get(LIST))
    assert "12 calls, 3 failed" in page
    assert "1 hook, 1 route, 1 task" in page


def test_of_many_versions_only_the_newest_and_the_newest_verified_are_read() -> None:
    plugin = install(greeter())
    for salt in ("2", "3"):
        record_upload(greeter(salt))
    for _ in range(3):
        refuse(plugin)
    install(reader(name="idle"), enable=False)
    refused("never")
    with CaptureQueriesContext(connection) as asked:
        listed = list(with_what_lists_show(Plugin.objects.all()))
        found = {each.name: [version.number for version in each.versions.all()] for each in listed}
    assert found == {"greeter": [6, 3], "idle": [1], "never": [1]}
    assert len(asked) == 3  # plugins, grants, versions
    assert [need.anchor for need in find_needs() if need.plugin == plugin] == ["waiting-heading", "refused-heading"]


def test_safe_mode_and_signatures_that_are_not_trusted_are_told(root: Staff, settings: Settings) -> None:
    install(writer(), grants={"database": {}})
    settings.WASM_PLUGINS_SIGNATURES = "enforce"
    assert _needs() == [("writer", "report")]
    settings.WASM_PLUGINS_SAFE_MODE = True
    assert 'role="alert"' in text_of(root.get(LIST))
