"""Plugin routes over HTTP: who may call, what goes in, what comes out, and every error's status."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.http import HttpRequest
from django.test import Client, RequestFactory
from pytest_django import Settings

from project.shop.models import Order
from tests.components import (
    Function,
    echo,
    err,
    grow,
    http_handler,
    json_handler,
    ok,
    ok_nothing,
    ok_response,
    plugin_component,
    route,
    silent_handler,
    spin,
    sql,
    trap,
)
from tests.installed import install, tables
from wasm_plugins import exceptions, get_plugin_manager, lifecycle
from wasm_plugins.models import Plugin, Route, TaskRun
from wasm_plugins.registry import mark_changed
from wasm_plugins.routes import STATUS_OF, error_response, status_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return User.objects.create_user("ann", password="ann")


@pytest.fixture
def ann(client: Client, user: User) -> Client:
    client.force_login(user)
    return client


def serve(handler: Function, access: str = "", **kwargs: Any) -> None:
    install(plugin_component("pages", routes=[route("/pages/one", handler)]), **kwargs)
    Route.objects.update(access=access)
    mark_changed()


def test_a_json_handler_gets_the_body_with_claims_and_request_and_its_answer_is_the_response(ann: Client) -> None:
    serve(json_handler(echo()))
    response = ann.post("/plugins/pages/one?page=2&page=3", {"sku": "tea"}, content_type="application/json")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    answer = response.json()
    assert answer["sku"] == "tea"
    assert answer["claims"]["username"] == "ann"
    assert answer["claims"]["is_authenticated"] is True
    assert answer["request"] == {"method": "POST", "path": "/pages/one", "query": {"page": ["2", "3"]}}


def test_claims_and_request_cannot_be_forged(ann: Client) -> None:
    serve(json_handler(echo()))
    forged = {"claims": {"username": "root", "is_superuser": True}, "request": {"path": "/other"}}
    answer = ann.post("/plugins/pages/one", forged, content_type="application/json").json()
    assert answer["claims"]["username"] == "ann"
    assert answer["claims"]["is_superuser"] is False
    assert answer["request"]["path"] == "/pages/one"


def test_an_anonymous_caller_has_claims_that_say_so(client: Client) -> None:
    serve(json_handler(echo()), access="public")
    claims = client.get("/plugins/pages/one").json()["claims"]
    assert claims == {
        "sub": None,
        "username": "",
        "is_authenticated": False,
        "is_staff": False,
        "is_superuser": False,
    }


def test_a_handler_with_nothing_to_say_answers_null(ann: Client) -> None:
    serve(silent_handler(ok_nothing()))
    response = ann.get("/plugins/pages/one")
    assert (response.status_code, response.json()) == (200, None)


HTML = [("Content-Type", "text/html; charset=utf-8"), ("Set-Cookie", "sessionid=stolen"), ("Server", "mine")]


def test_an_http_handler_answers_html_that_can_do_no_harm(client: Client) -> None:
    serve(http_handler(ok_response(201, "<h1>hello</h1>", HTML)), access="public", grants={"html": {}})
    response = client.get("/plugins/pages/one")
    assert response.status_code == 201
    assert response.content == b"<h1>hello</h1>"
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("sandbox")
    assert response["Cache-Control"] == "private, no-store"
    assert "sessionid" not in response.cookies
    assert "Server" not in response


def test_html_that_nobody_granted_is_sent_as_text_from_the_next_call_on(client: Client) -> None:
    serve(http_handler(ok_response(200, "<h1>hello</h1>", HTML)), access="public", grants={"html": {}})
    lifecycle.revoke(Plugin.objects.get(), "html")
    response = client.get("/plugins/pages/one")
    assert (response.status_code, response["Content-Type"]) == (200, "text/plain; charset=utf-8")


def test_text_without_a_content_type_is_sent_as_plain_text(client: Client) -> None:
    serve(http_handler(ok_response(200, "<b>no markup</b>")), access="public")
    assert client.get("/plugins/pages/one")["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("status", [100, 199, 600, 999])
def test_a_status_that_no_plugin_may_send_is_refused(client: Client, status: int) -> None:
    serve(http_handler(ok_response(status, "x")), access="public")
    response = client.get("/plugins/pages/one")
    assert (response.status_code, response.json()["error"]["code"]) == (502, "answer-refused")


def test_a_header_with_a_line_break_is_refused(client: Client) -> None:
    serve(http_handler(ok_response(200, "x", [("Content-Type", "text/html\r\nX: y")])), access="public")
    assert client.get("/plugins/pages/one").json()["error"]["code"] == "answer-refused"


def test_an_answer_that_is_no_json_is_refused(client: Client) -> None:
    serve(json_handler(ok("no json")), access="public")
    response = client.get("/plugins/pages/one")
    assert (response.status_code, response.json()["error"]["code"]) == (502, "answer-refused")


@pytest.mark.parametrize(
    ("access", "caller", "status"),
    [
        ("public", "nobody", 200),
        ("authenticated", "nobody", 401),
        ("authenticated", "ann", 200),
        ("", "nobody", 401),
        ("staff", "ann", 403),
        ("staff", "staff", 200),
        ("shop.view_order", "ann", 403),
        ("shop.view_order", "permitted", 200),
        ("shop.view_order", "nobody", 401),
    ],
)
def test_who_may_call_is_decided_before_the_plugin_runs(
    client: Client, user: User, access: str, caller: str, status: int
) -> None:
    serve(json_handler(ok("{}") if status == 200 else trap()), access=access)
    if caller == "staff":
        user.is_staff = True
        user.save()
    if caller == "permitted":
        user.user_permissions.add(Permission.objects.get(codename="view_order"))
    if caller != "nobody":
        client.force_login(user)
    assert client.get("/plugins/pages/one").status_code == status


def test_csrf_is_enforced_like_anywhere_in_django(user: User) -> None:
    serve(json_handler(trap()))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    assert strict.post("/plugins/pages/one", {}, content_type="application/json").status_code == 403


@pytest.mark.parametrize(
    ("handler", "status", "code"),
    [
        (json_handler(err("no such order")), 422, "plugin-failed"),
        (json_handler(trap()), 502, "plugin-trapped"),
        (json_handler(grow()), 502, "plugin-trapped"),
        (json_handler(spin()), 504, "deadline-exceeded"),
    ],
)
def test_each_failure_of_a_plugin_has_its_status(
    client: Client, settings: Settings, handler: Function, status: int, code: str
) -> None:
    settings.WASM_PLUGINS_ROUTE_DEADLINE_MS = 200
    serve(handler, access="public")
    response = client.get("/plugins/pages/one")
    assert response.status_code == status
    assert response.json()["error"]["plugin"] == "pages"
    assert response.json()["error"]["code"] == code
    assert b"Traceback" not in response.content
    assert b"wasm backtrace" not in response.content


def test_a_method_that_the_route_does_not_take_is_405(ann: Client) -> None:
    serve(json_handler(trap()))
    response = ann.delete("/plugins/pages/one")
    assert (response.status_code, response["Allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    "body", [b"[]", b"null", b'"text"', b"{", b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"n": NaN}', b"[" * 100_000]
)
def test_a_body_that_is_no_json_object_is_400_and_the_plugin_is_not_called(ann: Client, body: bytes) -> None:
    serve(json_handler(trap()))
    response = ann.post("/plugins/pages/one", body, content_type="application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "body-not-json")


def test_a_body_over_the_limit_is_413(ann: Client, settings: Settings) -> None:
    settings.WASM_PLUGINS_REQUEST_BODY_BYTES = 10
    serve(json_handler(trap()))
    response = ann.post("/plugins/pages/one", b'{"text": "long"}', content_type="application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (413, "body-too-large")


@pytest.mark.parametrize("handler", [json_handler(echo()), http_handler(ok_response(200, "x" * 2_000))])
def test_an_answer_over_the_limit_is_not_passed_on(ann: Client, settings: Settings, handler: Function) -> None:
    settings.WASM_PLUGINS_RESPONSE_BODY_BYTES = 1_000
    serve(handler)
    response = ann.post("/plugins/pages/one", {"text": "x" * 2_000}, content_type="application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (502, "limit-exceeded")


@pytest.mark.parametrize("path", ["nobody/here", "pages", "pages/", "pages/one/", "pages//one", "pages/../pages/one"])
def test_a_path_that_nobody_serves_is_404(ann: Client, path: str) -> None:
    serve(json_handler(trap()))
    assert ann.get(f"/plugins/{path}").status_code == 404


def test_a_plugin_that_is_off_is_404_like_one_that_never_was(ann: Client) -> None:
    serve(json_handler(trap()))
    lifecycle.disable(Plugin.objects.get())
    off, unknown = ann.get("/plugins/pages/one"), ann.get("/plugins/never/was")
    assert off.status_code == unknown.status_code == 404
    assert off.json()["error"]["code"] == unknown.json()["error"]["code"]


def test_what_a_route_writes_is_kept_when_it_answers_and_undone_when_not(client: Client) -> None:
    Order.objects.create(pk=1, email="a@example.org", note="as it was", total_cents=1)
    write = sql("UPDATE shop_order SET note = 'written' WHERE id = 1")
    component = plugin_component(
        "pages",
        routes=[
            route("/pages/kept", json_handler(ok("{}", first=[write]))),
            route("/pages/undone", json_handler(ok("no json", first=[write]))),
        ],
    )
    install(component, grants=tables(shop_order=["select", "update"]))
    Route.objects.update(access="public")
    mark_changed()
    client.get("/plugins/pages/undone")
    assert Order.objects.get().note == "as it was"
    client.get("/plugins/pages/kept")
    assert Order.objects.get().note == "written"


def test_a_route_processed_as_a_task_answers_202_with_a_place_to_ask(ann: Client, rq_queue: str) -> None:
    component = plugin_component("pages", routes=[route("/pages/later", json_handler(ok("{}")), process_as_task=True)])
    install(component)
    response = ann.post("/plugins/pages/later", {"sku": "tea"}, content_type="application/json")
    assert response.status_code == 202
    run = TaskRun.objects.get(pk=response.json()["run"])
    assert json.loads(run.input)["sku"] == "tea"
    assert json.loads(run.input)["claims"]["username"] == "ann"
    status = ann.get(response["Location"])
    assert status.status_code == 200
    assert status.json()["id"] == str(run.pk)


def test_the_state_of_a_run_is_told_only_to_whoever_asked_for_it(ann: Client, rq_queue: str) -> None:
    component = plugin_component("pages", routes=[route("/pages/later", json_handler(ok("{}")), process_as_task=True)])
    install(component)
    where = ann.post("/plugins/pages/later", {}, content_type="application/json")["Location"]
    stranger = Client()
    stranger.force_login(User.objects.create_user("bob"))
    staff = Client()
    staff.force_login(User.objects.create_superuser("root"))
    assert (stranger.get(where).status_code, Client().get(where).status_code) == (404, 404)
    assert staff.get(where).status_code == 200


def test_a_503_says_when_to_ask_again() -> None:
    error = exceptions.ArtifactError("gone", plugin="pages")
    assert error_response(error)["Retry-After"] == "5"
    error.retry_after_s = 29.2  # type: ignore[attr-defined]
    assert error_response(error)["Retry-After"] == "30"


def test_a_view_of_the_project_calls_a_route_and_decides_itself_who_is_admitted(user: User) -> None:
    def refuse(request: HttpRequest) -> None:
        raise exceptions.AccessDenied("not today")

    serve(json_handler(ok("{}")))
    request = RequestFactory().post("/anywhere", {}, content_type="application/json")
    request.user = user
    assert get_plugin_manager().call_route(request, "/pages/one").status_code == 200
    with pytest.raises(exceptions.AccessDenied):
        get_plugin_manager().call_route(request, "/pages/one", admit=refuse)


def test_every_error_has_a_status() -> None:
    for error in vars(exceptions).values():
        if isinstance(error, type) and issubclass(error, exceptions.PluginError):
            assert any(each in STATUS_OF for each in error.__mro__) or error in BRANCHES


BRANCHES = (exceptions.PluginError, exceptions.RouteRefused, exceptions.CallError, exceptions.ManifestError)


def test_an_error_without_a_status_of_its_own_takes_that_of_the_nearest_class() -> None:
    assert status_of(exceptions.HookVetoed("no", export="x")) == 422
    assert status_of(exceptions.PluginError("x")) == 500
