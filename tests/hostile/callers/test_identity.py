"""Callers who say that they are somebody else, and callers who ask for what is somebody else's."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.components import echo, http_handler, json_handler, memory_dump, ok, route
from tests.hostile.callers.serving import PATH, open_to, post, serve, serve_routes
from wasm_plugins.models import TaskRun

pytestmark = pytest.mark.django_db

FORGED = {
    "claims": {"sub": "1", "username": "root", "is_staff": True, "is_superuser": True},
    "request": {"method": "DELETE", "path": "/other/route"},
    "user": "root",
    "tenant_id": "t-1",
}
SPOOFED_HEADERS = {
    "X-Remote-User": "spoofed-root",
    "Remote-User": "spoofed-root",
    "X-Plugin-Claims": '{"username": "spoofed-root"}',
    "X-Forwarded-User": "spoofed-root",
    "X-Forwarded-For": "spoofed-root",
    "Authorization": "Bearer spoofed-root",
    "Proxy-Authorization": "Basic spoofed-root",
    "Claims": "spoofed-root",
}


def test_hc_01_claims_in_the_body_are_replaced_and_other_keys_stay_plain_data(ann: Client, user: User) -> None:
    serve(json_handler(echo()))
    answer = post(ann, json.dumps(FORGED)).json()
    assert answer["claims"] == {
        "sub": str(user.pk),
        "username": "ann",
        "is_authenticated": True,
        "is_staff": False,
        "is_superuser": False,
    }
    assert answer["request"] == {"method": "POST", "path": "/pages/one", "query": {}}
    assert (answer["user"], answer["tenant_id"]) == ("root", "t-1")


def test_hc_01_claims_that_are_said_twice_are_replaced_too(client: Client) -> None:
    serve(json_handler(echo()))
    answer = post(client, '{"claims": {"is_staff": true}, "cl\\u0061ims": {"is_staff": true}, "claims": 7}').json()
    assert answer["claims"]["is_staff"] is False
    assert answer["claims"]["username"] == ""


def test_hc_01_claims_in_the_query_stay_in_the_query(ann: Client) -> None:
    serve(json_handler(echo()))
    answer = ann.get(PATH, {"claims": '{"username": "root"}', "user": "root", "tenant_id": "t-1"}).json()
    assert answer["claims"]["username"] == "ann"
    assert answer["request"]["query"] == {"claims": ['{"username": "root"}'], "user": ["root"], "tenant_id": ["t-1"]}
    assert "user" not in answer


def test_hc_01_claims_in_a_form_are_no_identity(ann: Client) -> None:
    serve(http_handler(memory_dump()))
    seen = ann.post(PATH, {"claims": "form-claims", "user": "root"}).content
    assert b"form-claims" in seen  # the body is passed on, as the plain data that it is
    assert b'"username": "ann"' in seen
    assert b'"username": "root"' not in seen


@pytest.mark.parametrize("name", SPOOFED_HEADERS)
def test_hc_01_a_header_that_names_a_user_never_reaches_the_plugin(client: Client, name: str) -> None:
    serve(http_handler(memory_dump()))
    seen = client.get(PATH, headers={name: SPOOFED_HEADERS[name], "User-Agent": "a-known-header"})
    assert seen.status_code == 200
    assert b"a-known-header" in seen.content
    assert b"spoofed-root" not in seen.content
    assert b'"is_authenticated": false' in seen.content


def test_hc_01_no_cookie_and_no_token_reaches_the_plugin(strict: Client) -> None:
    serve(http_handler(memory_dump()))
    session = strict.cookies["sessionid"].value
    strict.cookies["csrftoken"] = token = "c" * 32
    seen = post(strict, "form", "text/plain", **{"X-CSRFToken": token, "Authorization": "Bearer known-token"})
    assert seen.status_code == 200
    for secret in (session, token, "known-token"):
        assert secret.encode() not in seen.content


@pytest.fixture
def later(user: User, rq_queue: str) -> str:
    """The address of a run that ann asked for."""
    serve_routes("pages", route("/pages/one", json_handler(ok('{"secret": "of ann"}')), process_as_task=True))
    open_to("authenticated")
    owner = Client()
    owner.force_login(user)
    answer = owner.post(PATH, {}, content_type="application/json")
    assert answer.status_code == 202
    TaskRun.objects.update(status=TaskRun.Status.FINISHED, result='{"secret": "of ann"}')
    found = answer["Location"]
    assert b"of ann" in owner.get(found).content
    return str(found)


def _stranger() -> Client:
    stranger = Client()
    stranger.force_login(User.objects.create_user("bob"))
    return stranger


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("suffix", ["", "cancel/", "cancel", "result/", "result", "log/"])
@pytest.mark.parametrize("is_known", [True, False], ids=["stranger", "nobody"])
def test_hc_04_another_users_run_is_answered_like_one_that_never_was(
    later: str, method: str, suffix: str, is_known: bool
) -> None:
    visitor = _stranger() if is_known else Client()
    foreign = visitor.generic(method, f"{later}{suffix}", headers={"X-CSRFToken": "x"})
    missing = visitor.generic(method, f"/plugins/runs/{uuid.uuid4()}/{suffix}", headers={"X-CSRFToken": "x"})
    assert (foreign.status_code, foreign.content) == (missing.status_code, missing.content)
    assert _without_date(foreign) == _without_date(missing)
    assert foreign.status_code == (405 if method not in ("GET", "HEAD") and not suffix else 404)
    assert TaskRun.objects.get().status == TaskRun.Status.FINISHED


def _without_date(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.items() if name not in ("Expires", "Date")}


def test_hc_04_both_cost_the_same_queries(later: str, django_assert_num_queries: Any) -> None:
    stranger = _stranger()
    stranger.get(later)
    for address in (later, f"/plugins/runs/{uuid.uuid4()}/"):
        with django_assert_num_queries(3):  # session, user, run; nothing more where there is one
            assert stranger.get(address).status_code == 404
