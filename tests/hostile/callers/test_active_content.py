"""Answers that would run in the browser of whoever looks at them, on the origin of the site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Dialog, Error, Page, Request
from pytest_django.live_server_helper import LiveServer

from tests.browser_session import Browser
from tests.components import http_handler, json_handler, ok, ok_response
from tests.hostile.callers.serving import PATH, serve

MARK = "document.documentElement.dataset.ran = 'yes'; document.cookie = 'ran=yes'; fetch('/?ran')"
SCRIPTS = (
    f'<script>{MARK}</script><img src=x onerror="{MARK}"><svg onload="{MARK}"></svg>'
    f'<body onload="{MARK}"><a id=link href="javascript:{MARK}">x</a>'
    f"<iframe srcdoc=\"<script>parent.{MARK}</script>\"></iframe><script src='{PATH}'></script>"
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'><base href='https://evil.example/'>"
    "<object data='data:text/html,x'></object><embed src='data:text/html,x'>"
    "<form id=form action='/?ran' method=post><input name=a><button id=send>go</button></form>"
)
SVG = f'<svg xmlns="http://www.w3.org/2000/svg" onload="{MARK}"><script>{MARK}</script></svg>'
XHTML = f'<html xmlns="http://www.w3.org/1999/xhtml"><body><script>{MARK}</script></body></html>'
POLYGLOT = f"GIF89a/*<html>{SCRIPTS}*/=1;{MARK}"
TEXT = "text/plain; charset=utf-8"

ACTIVE: dict[str, tuple[str, str]] = {
    "text/html": (SCRIPTS, TEXT),
    "TEXT/HTML; charset=utf-7": (SCRIPTS, TEXT),
    "text/html;charset=iso-2022-jp": (SCRIPTS, TEXT),
    "image/svg+xml": (SVG, TEXT),
    "application/xhtml+xml": (XHTML, TEXT),
    "text/xml": (XHTML, TEXT),
    "application/xml": (XHTML, TEXT),
    "application/rss+xml": (XHTML, TEXT),
    "text/xsl": (XHTML, TEXT),
    "application/mathml+xml": (XHTML, TEXT),
    "text/javascript": (MARK, TEXT),
    "application/javascript": (MARK, TEXT),
    "application/ecmascript": (MARK, TEXT),
    "text/css": ("*{}", TEXT),
    "text/vtt": (SCRIPTS, TEXT),
    "text/cache-manifest": (SCRIPTS, TEXT),
    "application/x-shockwave-flash": (SCRIPTS, TEXT),
    "application/hta": (SCRIPTS, TEXT),
    "message/rfc822": (SCRIPTS, TEXT),
    "multipart/x-mixed-replace; boundary=x": (f"--x\r\nContent-Type: text/html\r\n\r\n{SCRIPTS}", TEXT),
    "multipart/related": (SCRIPTS, TEXT),
    "text/html, image/png": (SCRIPTS, TEXT),
    "image/png, text/html": (SCRIPTS, TEXT),
    "unknown/unknown": (SCRIPTS, TEXT),
    "*/*": (SCRIPTS, TEXT),
    "": (SCRIPTS, TEXT),
    "html": (SCRIPTS, TEXT),
    "image/gif": (POLYGLOT, "image/gif"),
    "image/png; text/html": (POLYGLOT, "image/png"),
    "application/json; text/html": (SCRIPTS, "application/json"),
    "text/plain; charset=utf-7": (SCRIPTS, TEXT),
    "text/csv": (SCRIPTS, "text/csv; charset=utf-8"),
    "application/pdf": (POLYGLOT, "application/pdf"),
}


def answer(content_type: str | None, content: str | bytes, **kwargs: Any) -> None:
    """Serve it to everybody."""
    headers = [] if content_type is None else [("Content-Type", content_type)]
    serve(http_handler(ok_response(200, content, headers)), **kwargs)


def looked_at(page: Page) -> list[str]:
    """Open the page, press what can be pressed, and say what of it ran."""
    ran: list[str] = []

    def on_dialog(dialog: Dialog) -> None:
        ran.append("dialog")
        dialog.dismiss()

    def on_request(request: Request) -> None:
        if "?ran" in request.url:
            ran.append(request.url)

    page.on("dialog", on_dialog)
    page.context.on("request", on_request)
    try:
        page.goto(PATH)
    except Error as error:
        if "Download is starting" not in error.message and "ERR_ABORTED" not in error.message:
            raise
    for name in ("#link", "#send"):
        if page.locator(name).count():
            page.locator(name).click(no_wait_after=True)
    page.wait_for_timeout(100)
    ran += ["script"] if page.locator("[data-ran]").count() else []
    return ran + [cookie["name"] for cookie in page.context.cookies() if cookie.get("name") == "ran"]


@pytest.mark.django_db
@pytest.mark.parametrize("content_type", ACTIVE)
def test_hc_15_what_could_run_is_sent_as_the_text_that_it_is(client: Client, content_type: str) -> None:
    content, sent_as = ACTIVE[content_type]
    answer(content_type, content)
    response = client.get(PATH)
    assert response["Content-Type"] == sent_as
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("sandbox; default-src 'none'; base-uri")
    assert response.content.decode() == content


@pytest.mark.django_db
@pytest.mark.parametrize("content_type", [None, *ACTIVE])
def test_hc_15_bytes_that_could_run_are_a_download(client: Client, content_type: str | None) -> None:
    answer(content_type, b"<script>\xff</script>")
    response = client.get(PATH)
    if (sent_as := ACTIVE.get(content_type or "", ("", TEXT))[1]) == TEXT and "plain" not in (content_type or ""):
        assert response["Content-Type"] == "application/octet-stream"
        assert response["Content-Disposition"] == "attachment"
    else:
        assert response["Content-Type"] == sent_as


@pytest.mark.django_db
@pytest.mark.parametrize("content_type", [each for each in ACTIVE if "html" not in each[:9].lower()])
def test_hc_15_the_capability_is_for_html_alone(client: Client, content_type: str) -> None:
    content, sent_as = ACTIVE[content_type]
    answer(content_type, content, html=True)
    assert client.get(PATH)["Content-Type"] == sent_as


@pytest.mark.django_db
def test_hc_15_html_with_the_capability_is_a_page_in_a_sandbox(client: Client) -> None:
    answer("text/html; charset=utf-7", SCRIPTS, html=True)
    response = client.get(PATH)
    assert response["Content-Type"] == "text/html; charset=utf-8"
    policy = response["Content-Security-Policy"]
    assert policy.split("; ")[0] == "sandbox"
    assert "script-src" not in policy
    assert "allow-" not in policy


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        (None, "attachment"),
        ("inline", "attachment"),
        ('inline; filename="x.html"', 'attachment; filename="x.html"'),
        ('attachment; filename="../../etc/passwd"', 'attachment; filename="__.._etc_passwd"'),
        ('attachment; filename="a\\"; filename=b.exe"', 'attachment; filename="a__ filename_b.exe"'),
        ("attachment; filename*=utf-8''%E2%80%AEgpj.exe", 'attachment; filename="_gpj.exe"'),
        ("attachment; filename*=utf-8''%0d%0aSet-Cookie:x", 'attachment; filename="__Set-Cookie_x"'),
        ('attachment; filename=".htaccess"', 'attachment; filename="_htaccess"'),
    ],
)
def test_hc_15_a_file_name_is_written_anew(client: Client, wanted: str | None, sent: str) -> None:
    headers = [("Content-Type", "application/pdf"), *([("Content-Disposition", wanted)] if wanted else [])]
    serve(http_handler(ok_response(200, "%PDF", headers)))
    assert client.get(PATH)["Content-Disposition"] == sent


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "application/xhtml+xml", "", "image/gif"])
def test_hc_15_nothing_runs_in_a_browser_without_the_capability(
    browser: Browser, live_server: LiveServer, content_type: str
) -> None:
    answer(content_type, ACTIVE[content_type][0])
    assert browser(looked_at, base_url=live_server.url) == []


def test_hc_15_no_script_of_a_page_runs_with_it_either(browser: Browser, live_server: LiveServer) -> None:
    answer("text/html", "<h1>hello</h1>" + SCRIPTS, html=True)
    assert browser(looked_at, base_url=live_server.url) == []

    def shown(page: Page) -> tuple[str, str]:
        page.goto(PATH)
        return page.inner_text("h1"), page.evaluate("window.origin")

    assert browser(shown, base_url=live_server.url) == ("hello", "null")


def _run(body: str) -> Callable[[Page], list[str]]:
    """Put something into an ordinary page of the site, as an attacker with a hole in it might."""

    def steps(page: Page) -> list[str]:
        page.goto("/")
        page.set_content(body)
        page.wait_for_timeout(300)
        return [name for name in ("ran", "styled") if page.locator(f"[data-{name}]").count()]

    return steps


@pytest.mark.parametrize(
    "content_type", ["text/javascript", "application/json", "text/plain", "image/gif", "", "text/html"]
)
@pytest.mark.parametrize("html", [True, False])
def test_hc_15_no_page_of_the_site_takes_an_answer_for_a_script(
    browser: Browser, live_server: LiveServer, content_type: str, html: bool
) -> None:
    answer(content_type, MARK, html=html)
    assert browser(_run(f"<script src='{PATH}'></script>"), base_url=live_server.url) == []


def test_hc_15_the_scripts_of_these_tests_do_run_where_nothing_stops_them(
    browser: Browser, live_server: LiveServer
) -> None:
    assert browser(_run(SCRIPTS), base_url=live_server.url) == ["ran"]


def test_hc_15_no_answer_becomes_a_service_worker(browser: Browser, live_server: LiveServer) -> None:
    answer("text/javascript", "onfetch = () => 0")

    def steps(page: Page) -> str:
        page.goto("/")
        return str(page.evaluate(f"navigator.serviceWorker.register('{PATH}').then(() => 'in', (e) => e.name)"))

    assert browser(steps, base_url=live_server.url) == "SecurityError"


def test_hc_15_a_json_answer_is_shown_as_text(browser: Browser, live_server: LiveServer) -> None:
    serve(json_handler(ok('{"a": "<script>document.documentElement.dataset.ran = 1</script>"}')))
    assert browser(looked_at, base_url=live_server.url) == []


def test_hc_15_another_site_may_not_show_it_in_a_frame_nor_load_it(browser: Browser, live_server: LiveServer) -> None:
    answer("text/html", "<h1 id=there>hello</h1>", html=True)
    other = live_server.url.replace("localhost", "127.0.0.1")
    assert other != live_server.url

    def framed_in(base: str) -> Callable[[Page], int]:
        def steps(page: Page) -> int:
            page.goto(f"{base}/")
            page.set_content(f"<iframe src='{live_server.url}{PATH}'></iframe>")
            page.wait_for_timeout(500)
            return page.frames[1].locator("#there").count() if len(page.frames) > 1 else 0

        return steps

    assert browser(framed_in(live_server.url), base_url=live_server.url) == 1
    assert browser(framed_in(other), base_url=other) == 0
