"""Errors on a plugin's route as people meet them: the project's own pages, and JSON for programs as ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client, RequestFactory
from pytest_django import Settings

from tests.components import Function, err, json_handler, ok, plugin_component, route, spin, trap
from tests.installed import install
from wasm_plugins import exceptions
from wasm_plugins.models import Route
from wasm_plugins.registry import mark_changed
from wasm_plugins.routes import STATUS_OF, error_response

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
ADDRESS = "/plugins/pages/one"


def serve(handler: Function, access: str = "public") -> None:
    install(plugin_component("pages", routes=[route("/pages/one", handler)]))
    Route.objects.update(access=access)
    mark_changed()


def request(accept: str | None) -> HttpRequest:
    return RequestFactory().get(ADDRESS, **({} if accept is None else {"headers": {"accept": accept}}))  # type: ignore[arg-type]


def use_templates(settings: Settings, folder: Path, **texts: str) -> None:
    """Have the project consist of these templates, by name with ``__`` for the slash."""
    for name, text in texts.items():
        file = folder / f"{name.replace('__', '/').removeprefix('_')}.html"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [folder]}]


@pytest.mark.django_db
def test_a_browser_gets_the_projects_page_where_nothing_is_served(client: Client) -> None:
    response = client.get("/plugins/nobody/there", headers={"accept": BROWSER})
    page = response.content.decode()
    assert (response.status_code, response["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "Corner shop" in page and "We have no page at this address" in page
    assert response["Cache-Control"] == "private, no-store" and "Accept" in response["Vary"]


@pytest.mark.django_db
def test_a_browser_gets_the_projects_page_for_what_it_may_not_open(client: Client) -> None:
    serve(json_handler(ok("{}")), access="staff")
    client.force_login(User.objects.create_user("ann"))
    response = client.get(ADDRESS, headers={"accept": BROWSER})
    assert response.status_code == 403
    assert "You may not open this page" in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("handler", "status"),
    [(json_handler(err("<b>not</b> today")), 422), (json_handler(trap()), 502), (json_handler(spin()), 504)],
    ids=["err", "trap", "spin"],
)
def test_what_a_plugin_does_wrong_is_a_page_without_a_traceback(
    client: Client, settings: Settings, handler: Function, status: int
) -> None:
    settings.WASM_PLUGINS_ROUTE_DEADLINE_MS = 200
    serve(handler)
    response = client.get(ADDRESS, headers={"accept": BROWSER})
    page = response.content.decode()
    assert response.status_code == status
    assert "Corner shop" in page and f"Error {status}" in page
    assert "<b>" not in page and "unreachable" not in page and "Traceback" not in page
    assert "Content-Security-Policy" not in response  # the page is the project's, which has its own


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "application/json, text/html;q=0.5", "image/png"])
def test_whoever_does_not_ask_for_html_gets_json(accept: str | None) -> None:
    response = error_response(exceptions.RouteNotFound("x"), request(accept))
    assert response["Content-Type"] == "application/json"
    assert response["Content-Security-Policy"].startswith("sandbox")


@pytest.mark.django_db
def test_a_page_says_when_to_come_back_as_the_header_does() -> None:
    response = error_response(exceptions.PluginAsleep("is asleep", retry_after_s=30), request(BROWSER))
    assert (response.status_code, response["Retry-After"]) == (503, "30")
    assert "try again in 30 seconds" in response.content.decode()


@pytest.mark.django_db
def test_a_method_that_is_not_taken_is_told_with_those_that_are() -> None:
    error = exceptions.MethodNotAllowed("takes GET", allowed=("GET",))
    response = error_response(error, request(BROWSER))
    assert (response.status_code, response["Allow"]) == (405, "GET")
    assert "takes GET" in response.content.decode()


@pytest.mark.parametrize("status", sorted(set(STATUS_OF.values())))
def test_every_status_has_a_page_without_any_template_of_the_project(
    settings: Settings, tmp_path: Path, status: int
) -> None:
    use_templates(settings, tmp_path)
    error = next(each for each, found in STATUS_OF.items() if found == status)
    response = error_response(_made(error), request(BROWSER))
    page = response.content.decode()
    assert response.status_code == status
    assert '<html lang="en">' in page and "<h1>" in page and f"Error {status}, {error.code}" in page
    assert "style" not in page and "script" not in page


def _made(error: type[exceptions.PluginError]) -> exceptions.PluginError:
    of_call: dict[str, Any] = {"export": "x"} if issubclass(error, exceptions.CallError) else {}
    known: dict[Any, dict[str, Any]] = {
        exceptions.MethodNotAllowed: {"allowed": ("GET",)},
        exceptions.PluginUnavailable: {"retry_after_s": 1},
        exceptions.LinkError: {"missing": "x"},
        exceptions.LimitExceeded: {"export": "x", "limit": "x"},
    }
    options = known.get(error, of_call)
    if error is exceptions.TooManyRuns:
        return exceptions.TooManyRuns(limit=3)
    if error is exceptions.DeadlineExceeded:
        return exceptions.DeadlineExceeded(export="x", deadline_ms=1)
    return error("x", **options)


def test_a_projects_page_for_a_status_comes_before_the_one_for_all(settings: Settings, tmp_path: Path) -> None:
    said = "{{ status }} {{ exception }} {{ request_path }} {{ code }}"
    use_templates(settings, tmp_path, _404="MISSING " + said, wasm_plugins__route_error="ALL " + said)
    page = error_response(exceptions.RouteNotFound("<nothing>"), request(BROWSER)).content.decode()
    assert page == f"MISSING 404 &lt;nothing&gt; {ADDRESS} route-not-found"
    page = error_response(exceptions.QueryTooLong("long"), request(BROWSER)).content.decode()
    assert page == f"ALL 414 long {ADDRESS} query-too-long"


def test_a_page_that_cannot_be_rendered_becomes_json(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    use_templates(settings, tmp_path, _404="{% url 'nowhere' %}")
    response = error_response(exceptions.RouteNotFound("x"), request(BROWSER))
    assert (response.status_code, response["Content-Type"]) == (404, "application/json")
    assert "could not be rendered" in caplog.text


@pytest.mark.django_db
def test_a_page_for_a_failure_of_the_host_asks_the_database_nothing_by_itself(
    django_assert_num_queries: Any, settings: Settings, tmp_path: Path
) -> None:
    use_templates(settings, tmp_path)
    with django_assert_num_queries(0):
        page = error_response(exceptions.DatabaseLost("gone"), request(BROWSER))
    assert page["Content-Type"].startswith("text/html")
