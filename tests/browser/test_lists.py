"""The lists of the admin in a real browser: no column is cut off at 1200 pixels, and on a phone no word is broken."""

from __future__ import annotations

import pytest
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from tests.admin.pages import AUDIT, LIST, RUNS, page_of
from tests.admin.plugins import greeter, reader
from tests.browser_session import Browser
from tests.installed import install
from wasm_plugins.audit.entries import new_entry
from wasm_plugins.models import TaskRun

LINES = """() => [...document.querySelectorAll('.field-state p, .field-needs p')].map(each => {
    const words = document.createRange()
    words.selectNodeContents(each)
    return words.getClientRects().length
})"""
HIDDEN = "() => { const box = document.querySelector('.results'); return box.scrollWidth - box.clientWidth }"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("url", [RUNS, AUDIT, LIST])
def test_no_column_is_cut_off(
    browser: Browser, live_server: LiveServer, admin_client: Client, url: str, scheme: str
) -> None:
    plugin = install(greeter())
    long = "/greeter/" + "a-path-without-spaces" * 8
    new_entry(
        act="route", user=None, plugin="greeter", version=1, subject=long, outcome="authentication-required"
    ).save()
    TaskRun.objects.create(
        plugin=plugin, handler="recalculate-loyalty-points", input="{}", queue="default", timeout_s=5, result="x" * 500
    )

    def steps(page: Page) -> tuple[int, str]:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": 1200, "height": 900})
        page.goto(url)
        shade = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        return page.evaluate(HIDDEN), shade

    hidden_px, shade = browser(steps, base_url=live_server.url, client=admin_client)
    assert hidden_px <= 1
    assert (shade == "rgb(255, 255, 255)") == (scheme == "light")


@pytest.mark.django_db(transaction=True)
def test_on_a_phone_the_versions_of_a_plugin_keep_their_words_whole(
    browser: Browser, live_server: LiveServer, admin_client: Client
) -> None:
    address = page_of(install(reader()))

    def steps(page: Page) -> list[int]:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(address)
        lines: list[int] = page.evaluate(LINES)
        return lines

    assert browser(steps, base_url=live_server.url, client=admin_client) == [1, 1]  # "verified" and "database"
