"""Whatever a plugin or its author writes is text: on every page of the admin, in JSON, in mail, and in a browser."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.views.debug import ExceptionReporter
from playwright.sync_api import Dialog, Page, Request
from pytest_django.live_server_helper import LiveServer

from tests.admin.pages import RUNS, SYNC, Staff, page_of, text_of
from tests.browser_session import Browser
from tests.components import err, json_handler, ok, plugin_component, route
from tests.hostile.admins.everything import addresses, one_of_everything
from tests.installed import install
from wasm_plugins import lifecycle
from wasm_plugins.exceptions import PluginFailed
from wasm_plugins.models import AuditEntry, Plugin, PluginVersion, StoredObject, TaskRun, VersionHealth

IMG = "<img src=x onerror=\"document.title='scripted'\">"
ATTACK = f"{IMG}{{{{7*7}}}}<script>document.title='scripted'</script>javascript:alert(1)"
TEXT_OF_ATTACK = "{{7*7}}"

pytestmark = [pytest.mark.django_db, pytest.mark.canary_after]


def poison(plugin: Plugin) -> None:
    """Write the attack into every text that comes from a plugin, its author, its storage or its callers."""
    for version in PluginVersion.objects.exclude(manifest=None):
        assert version.manifest is not None
        texts = dict.fromkeys(("title", "description", "author", "license", "version"), ATTACK)
        version.manifest |= {**texts, "homepage": f"javascript:document.title='scripted'//{ATTACK}"}
        version.manifest["capabilities"] = {"database": {"tables": {ATTACK: [ATTACK]}}, ATTACK: {ATTACK: ATTACK}}
        version.save()
    PluginVersion.objects.update(findings=[ATTACK], imports=[ATTACK], exports={ATTACK: ATTACK})
    PluginVersion.objects.filter(state="refused").update(problem=ATTACK, error_code=ATTACK[:64])
    for stored in StoredObject.objects.all():
        StoredObject.objects.filter(pk=stored.pk).update(
            key=f"plugins/{ATTACK}{stored.pk}.wasm", fingerprint=ATTACK, problem=ATTACK
        )
    plugin.routes.update(path=f"/greeter/{ATTACK}"[:200], methods=[ATTACK], declared_access=ATTACK)
    plugin.tasks.update(declared={"queue": ATTACK})
    plugin.hooks.update(name=ATTACK[:63])
    columns = dict.fromkeys(("input", "result", "error", "log"), ATTACK)
    TaskRun.objects.update(
        **columns,
        route=ATTACK,
        handler=ATTACK[:63],
        error_code=ATTACK[:64],
        progress_message=ATTACK,
        progress_percent=1,
    )
    AuditEntry.objects.create(
        act="route", plugin="greeter", outcome="ok", subject=ATTACK, username=ATTACK[:150], details={ATTACK: ATTACK}
    )
    VersionHealth.objects.update(last_error=ATTACK, last_error_code=ATTACK[:64])


@pytest.fixture
def poisoned(db: None) -> Plugin:
    """A plugin whose every text is an attack."""
    plugin = one_of_everything()
    poison(plugin)
    return plugin


def _filled(url: str) -> bool:
    return "/autocomplete/" not in url and "/r/" not in url


def test_ad_04_no_page_has_a_text_of_a_plugin_as_html(root: Staff, poisoned: Plugin) -> None:
    shown = 0
    for url in filter(_filled, addresses()):
        response = root.get(url)
        page = response.content.decode()
        assert response.status_code in (200, 302, 403, 404, 405), url
        assert "<img src=x" not in page, url
        assert "<script>document.title" not in page, url
        assert 'href="javascript:' not in page.replace("&#x27;", "'"), url
        shown += page.count(TEXT_OF_ATTACK)
    assert shown > 30


def test_ad_04_a_template_in_a_text_stays_as_it_is(root: Staff, poisoned: Plugin) -> None:
    run = TaskRun.objects.get()
    page = text_of(root.get(f"{RUNS}{run.pk}/change/"))
    assert page.count(TEXT_OF_ATTACK) >= 7
    assert ">49<" not in page


def test_ad_04_an_upload_that_is_called_like_an_attack_shows_no_markup(root: Staff) -> None:
    for name in (f"{IMG}.wasm", "x.wasm.html", "{{7*7}}.wasm"):
        page = text_of(root.upload(b"<!doctype html>" + IMG.encode(), name=name))
        assert "<img src=x" not in page


def test_ad_04_what_sync_and_buttons_say_is_escaped(root: Staff, poisoned: Plugin) -> None:
    for act in ("use-version", "grant-requested", "approve"):
        root.act(poisoned, act, number=3)
        assert "<img src=x" not in text_of(root.get(page_of(poisoned)))
    root.post(SYNC)
    assert "<img src=x" not in text_of(root.get(page_of(poisoned)))


def test_ad_04_json_pages_are_json_and_nothing_else(client: Client, root: Staff) -> None:
    plugin = install(
        plugin_component(
            "echoes",
            routes=[
                route("/echoes/err", json_handler(err(ATTACK))),
                route("/echoes/ok", json_handler(ok(json.dumps(ATTACK)))),
            ],
            toml="".join(f'[routes."/echoes/{name}"]\naccess = "public"\n' for name in ("err", "ok")),
        )
    )
    run = TaskRun.objects.create(
        plugin=plugin, handler="x", input="{}", queue="default", timeout_s=5, status="finished", result=ATTACK
    )
    run.requested_by = root.user
    run.save()
    answers: list[Any] = [
        client.post("/plugins/echoes/err", {}, content_type="application/json"),
        client.post("/plugins/echoes/ok", {}, content_type="application/json"),
        client.get(f"/plugins/echoes/{IMG}"),
        root.get(reverse("wasm_plugins:run", args=[run.pk])),
    ]
    for response in answers:
        assert response["Content-Type"] == "application/json"
        json.loads(response.content)
    lifecycle.disable(plugin)


def test_ad_04_an_error_report_shows_a_plugins_text_as_text() -> None:
    try:
        raise PluginFailed(ATTACK, export="run")
    except PluginFailed as error:
        reporter = ExceptionReporter(None, type(error), error, error.__traceback__)
        assert "<img src=x" not in reporter.get_traceback_html()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_ad_04_in_a_browser_no_script_of_a_plugin_runs_on_any_page(
    browser: Browser, live_server: LiveServer, admin_client: Client
) -> None:
    poison(one_of_everything())
    quiet = ("/jsi18n/", "/sync/", "/act/", "/revoke/")
    pages = [url for url in filter(_filled, addresses()) if not url.endswith(quiet)]
    pages = [url for url in pages if admin_client.get(url).status_code != 405]  # a browser shows no page for it

    def steps(page: Page) -> list[Any]:
        found: list[Any] = []

        def dismiss(dialog: Dialog) -> None:
            found.append(dialog.message)
            dialog.dismiss()

        def note(request: Request) -> None:
            found.append(request.url)

        page.on("dialog", dismiss)
        page.on("request", note)
        for url in pages:
            page.goto(url)
            if page.title() == "scripted" or page.locator('[onerror], a[href^="javascript:"]').count():
                found.append(url)
        ours = live_server.url
        return [each for each in found if not each.startswith(ours) or each.endswith("/x")]

    assert browser(steps, base_url=live_server.url, client=admin_client) == []


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_pages_are_no_wider_than_a_small_window(
    browser: Browser, live_server: LiveServer, admin_client: Client
) -> None:
    plugin = one_of_everything()
    pages = [page_of(plugin), reverse("admin:wasm_plugins_plugin_secrets", args=[plugin.pk]), RUNS]

    def steps(page: Page) -> dict[str, int]:
        page.set_viewport_size({"width": 1200, "height": 800})
        widths = {}
        for url in pages:
            page.goto(url)
            widths[url] = page.evaluate("document.scrollingElement.scrollWidth")
        return widths

    widths = browser(steps, base_url=live_server.url, client=admin_client)
    assert {url: width for url, width in widths.items() if width > 1200} == {}
