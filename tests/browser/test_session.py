"""The browser that other tests drive: it runs scripts, so a page in which none ran is a page that stopped them."""

from __future__ import annotations

import pytest
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from tests.browser_session import Browser, NoBrowser, browser_program


def test_it_runs_scripts_of_an_ordinary_page(browser: Browser, live_server: LiveServer) -> None:
    def steps(page: Page) -> str:
        page.goto("about:blank")  # a page of the site has a policy against such scripts
        page.set_content("<script>document.title = 'ran'</script>")
        return page.title()

    assert browser(steps, base_url=live_server.url) == "ran"


def test_it_is_logged_in_as_the_client_is(browser: Browser, live_server: LiveServer, admin_client: Client) -> None:
    def steps(page: Page) -> str:
        page.goto("/admin/")
        return page.title()

    assert "Log in" in browser(steps, base_url=live_server.url)
    assert "Site administration" in browser(steps, base_url=live_server.url, client=admin_client)


def test_without_one_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_BROWSER", "no-such-browser")
    with pytest.raises(NoBrowser, match="apt-get install chromium"):
        browser_program()
