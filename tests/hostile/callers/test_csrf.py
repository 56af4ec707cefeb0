"""Requests that a page of another site makes a browser send, and tokens that no browser sends by itself."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client
from pytest_django import Settings

from tests.components import echo, json_handler, plugin_component, route
from tests.hostile.callers.serving import METHODS, NEVER, PATH, code_of, post, serve, serve_routes
from wasm_plugins.exceptions import ManifestError
from wasm_plugins.sync import record_upload

pytestmark = [pytest.mark.django_db, pytest.mark.canary_after]

TOKEN = "c" * 32
UNSAFE = ["POST", "PUT", "PATCH", "DELETE"]
FORGERIES: dict[str, dict[str, str]] = {
    "nothing": {},
    "wrong token": {"X-CSRFToken": "d" * 32},
    "no token at all": {"X-CSRFToken": ""},
    "long token": {"X-CSRFToken": "c" * 100_000},
    "other origin": {"X-CSRFToken": TOKEN, "Origin": "https://evil.example"},
    "null origin": {"X-CSRFToken": TOKEN, "Origin": "null"},
    "broken origin": {"X-CSRFToken": TOKEN, "Origin": "http://["},
    "own name as a label": {"X-CSRFToken": TOKEN, "Origin": "http://testserver.evil.example"},
}


@pytest.mark.parametrize("method", UNSAFE)
@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize("access", ["public", "authenticated"])
def test_hc_09_a_forged_request_is_403_in_json_and_reaches_no_plugin(
    strict: Client, method: str, forgery: str, access: str
) -> None:
    serve(NEVER, access, methods=METHODS)
    if forgery != "nothing":
        strict.cookies["csrftoken"] = TOKEN
    response = strict.generic(method, PATH, b"{}", content_type="application/json", headers=FORGERIES[forgery])
    assert (response.status_code, code_of(response)) == (403, "csrf-failed")


@pytest.mark.parametrize("referer", ["https://evil.example/", "http://testserver/", "https://", "nonsense", None])
def test_hc_09_over_https_a_referer_of_another_site_is_403(strict: Client, referer: str | None) -> None:
    serve(NEVER, "authenticated")
    strict.cookies["csrftoken"] = TOKEN
    headers = {"X-CSRFToken": TOKEN} | ({"Referer": referer} if referer else {})
    response = strict.post(PATH, {}, content_type="application/json", secure=True, headers=headers)
    assert (response.status_code, code_of(response)) == (403, "csrf-failed")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"csrfmiddlewaretoken=wrong"),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(1_001))),
        ("application/x-www-form-urlencoded; charset=utf-16", b"csrfmiddlewaretoken=" + b"c" * 32),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n"),
        ("text/plain", b"csrfmiddlewaretoken=" + b"c" * 32),
    ],
)
def test_hc_09_a_form_without_the_token_is_403_however_it_is_written(
    strict: Client, content_type: str, body: bytes
) -> None:
    serve(NEVER)
    strict.cookies["csrftoken"] = TOKEN
    response = post(strict, body, content_type)
    assert (response.status_code, code_of(response)) == (403, "csrf-failed")


def test_hc_09_with_the_token_it_is_answered(strict: Client) -> None:
    serve(json_handler(echo()), "authenticated")
    strict.cookies["csrftoken"] = TOKEN
    assert post(strict, b"{}", **{"X-CSRFToken": TOKEN, "Origin": "http://testserver"}).status_code == 200


def test_hc_09_a_project_without_the_middleware_is_protected_all_the_same(strict: Client, settings: Settings) -> None:
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if "csrf" not in each]
    serve(NEVER, "authenticated")
    response = strict.post(PATH, {}, content_type="application/json")
    assert (response.status_code, code_of(response)) == (403, "csrf-failed")


def test_hc_09_a_route_that_runs_as_a_task_is_protected_too(strict: Client, rq_queue: str) -> None:
    serve_routes("pages", route("/pages/one", NEVER, process_as_task=True))
    assert strict.post(PATH, {}, content_type="application/json").status_code == 403


def by_token(request: Any) -> Any:
    """Read tokens as a project might."""
    scheme, _, token = request.headers["Authorization"].partition(" ")
    assert scheme.lower() not in ("basic", "digest", "negotiate"), "the host must not ask"
    if token == "of-nobody":
        return AnonymousUser()
    return User.objects.filter(username=token).first()


@pytest.fixture
def tokens(settings: Settings) -> None:
    """Let the operator allow tokens."""
    settings.WASM_PLUGINS_AUTHENTICATOR = f"{__name__}.by_token"


@pytest.fixture
def script() -> Client:
    """A program without cookies."""
    return Client(enforce_csrf_checks=True)


@pytest.mark.parametrize("access", ["public", "authenticated"])
def test_hc_10_without_the_operators_word_a_token_is_worth_nothing(script: Client, user: User, access: str) -> None:
    serve(NEVER, access)
    response = post(script, b"{}", Authorization="Bearer ann")
    assert (response.status_code, code_of(response)) == (
        (403, "csrf-failed") if access == "public" else (401, "authentication-required")
    )


def test_hc_10_with_it_a_token_is_its_user_and_needs_no_csrf_token(script: Client, user: User, tokens: None) -> None:
    serve(json_handler(echo()), "authenticated")
    answer = post(script, b"{}", Authorization="Bearer ann").json()
    assert answer["claims"]["username"] == "ann"


def test_hc_10_the_token_counts_and_not_the_session(strict: Client, tokens: None) -> None:
    User.objects.create_user("bob")
    serve(json_handler(echo()), "authenticated")
    assert post(strict, b"{}", Authorization="Bearer bob").json()["claims"]["username"] == "bob"


@pytest.mark.parametrize(
    "header",
    ["Bearer wrong", "Bearer of-nobody", "Bearer", "", "Basic ann", "basic ann", "Digest ann", "Negotiate ann"],
)
def test_hc_10_a_token_that_is_none_or_that_browsers_send_leaves_the_session_and_csrf(
    strict: Client, tokens: None, header: str
) -> None:
    serve(NEVER, "authenticated")
    response = post(strict, b"{}", Authorization=header)
    assert (response.status_code, code_of(response)) == (403, "csrf-failed")
    nobody = post(Client(enforce_csrf_checks=True), b"{}", Authorization=header)
    assert nobody.status_code == 401


def test_hc_10_rights_are_those_of_the_tokens_user(script: Client, user: User, tokens: None) -> None:
    serve(NEVER, "staff")
    response = post(script, b"{}", Authorization="Bearer ann")
    assert (response.status_code, code_of(response)) == (403, "access-denied")
    User.objects.update(is_active=False)
    assert post(script, b"{}", Authorization="Bearer ann").status_code == 401


def test_hc_10_no_manifest_switches_csrf_off() -> None:
    for key in ("csrf = false", "csrf_exempt = true", 'authentication = "token"', 'cors = "*"'):
        toml = f'[routes."/pages/one"]\n{key}\n'
        with pytest.raises(ManifestError):
            record_upload(plugin_component("pages", routes=[route("/pages/one", NEVER)], toml=toml))


@pytest.mark.parametrize("tokens_are_allowed", [True, False])
@pytest.mark.parametrize("method", ["OPTIONS", "GET", "POST"])
def test_hc_10_no_answer_lets_another_site_read_it(
    strict: Client, settings: Settings, method: str, tokens_are_allowed: bool
) -> None:
    if tokens_are_allowed:
        settings.WASM_PLUGINS_AUTHENTICATOR = f"{__name__}.by_token"
    serve(json_handler(echo()))
    preflight = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    response = strict.generic(method, PATH, headers=preflight)
    assert response.status_code == {"OPTIONS": 405, "GET": 200, "POST": 403}[method]
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


def test_hc_10_a_run_is_told_to_the_token_that_asked_for_it(
    script: Client, user: User, tokens: None, rq_queue: str
) -> None:
    serve_routes("pages", route("/pages/one", NEVER, process_as_task=True), access="authenticated")
    accepted = post(script, b"{}", Authorization="Bearer ann")
    assert accepted.status_code == 202
    assert script.get(accepted["Location"], headers={"Authorization": "Bearer ann"}).status_code == 200
    assert script.get(accepted["Location"]).status_code == 404
