"""Nothing that a plugin or its author wrote is ever HTML or a link in the admin."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tests.admin.pages import LIST, RUNS, STORED, SYNC, VERSIONS, Staff, page_of, step_of, text_of, versions_of
from tests.admin.plugins import HOSTILE_TOML, IMG, greeter, refuse
from tests.installed import install
from wasm_plugins import storage
from wasm_plugins.models import Plugin, PluginVersion, StoredObject, TaskRun
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db

ESCAPED = "&lt;img src=x onerror=alert(1)&gt;"


@pytest.fixture
def plugin(db: None) -> Plugin:
    """A plugin whose every text is an attack."""
    plugin = install(greeter(toml=HOSTILE_TOML))
    record_upload(greeter("2", toml=HOSTILE_TOML))
    refuse(plugin, problem=f"imports {IMG}")
    PluginVersion.objects.update(findings=[IMG], imports=[IMG], exports={IMG: IMG})
    StoredObject.objects.create(key=f"plugins/{IMG}.wasm", fingerprint=IMG, size_bytes=1, problem=IMG)
    plugin.tasks.update(declared={"queue": IMG})
    plugin.routes.update(methods=[IMG])
    TaskRun.objects.create(
        plugin=plugin,
        handler="greet",
        route=IMG,
        input=IMG,
        queue=IMG,
        timeout_s=5,
        result=IMG,
        error=IMG,
        error_code=IMG,
        log=f"line 1\n{IMG}",
        progress_percent=50,
        progress_message=IMG,
    )
    return plugin


def _pages(plugin: Plugin) -> list[str]:
    return [
        *(page_of(plugin), reverse("admin:wasm_plugins_plugin_delete", args=[plugin.pk]), STORED, RUNS, LIST),
        *(f"{VERSIONS}{version.pk}/change/" for version in plugin.versions.all()),
        *(step_of("report", version) for version in plugin.versions.all()),
        *(step_of(step, version) for version in plugin.versions.all()[1:] for step in ("consent", "enable")),
        *(versions_of(plugin), versions_of(plugin, 1, 2), versions_of(plugin, 2, 3), versions_of(plugin, 3, 1), SYNC),
        *(f"{STORED}{stored.pk}/change/" for stored in StoredObject.objects.all()),
        *(f"{RUNS}{run.pk}/change/" for run in TaskRun.objects.all()),
    ]


def test_no_text_of_a_plugin_is_html_on_any_page(root: Staff, plugin: Plugin) -> None:
    for url in _pages(plugin):
        assert "<img src=x" not in text_of(root.get(url))


def test_the_texts_are_shown_as_they_are(root: Staff, plugin: Plugin) -> None:
    shown = [text_of(root.get(url)).count(ESCAPED) for url in _pages(plugin)]
    run_page, plugin_page = shown[-1], shown[0]
    assert run_page >= 7
    assert plugin_page >= 10


def test_a_template_in_a_text_is_not_rendered_and_a_homepage_is_no_link(root: Staff, plugin: Plugin) -> None:
    page = text_of(root.get(page_of(plugin)))
    assert "{{7*7}}" in page
    assert "https://x.example/" in page
    assert 'href="https://x.example/' not in page


def test_an_error_about_a_plugin_is_a_message_without_html(root: Staff, plugin: Plugin) -> None:
    root.act(plugin, "use-version", number=3)
    page = text_of(root.get(page_of(plugin)))
    assert "messagelist" in page
    assert "<img src=x" not in page


def test_what_sync_says_of_a_hostile_object_is_escaped(root: Staff) -> None:
    storage.put_upload("greeter", IMG.encode())
    root.post(SYNC)
    for url in (LIST, STORED, page_of(Plugin.objects.get())):
        assert "<img src=x" not in text_of(root.get(url))
