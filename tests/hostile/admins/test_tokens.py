"""Tokens of the HTTP API: forged, stolen, narrowed, outlived, and told to somebody."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from tests.admin.conftest import MakeStaff
from tests.admin.pages import Staff, text_of
from tests.admin.plugins import greeter
from tests.api.asked import ALL, AUTHOR, BASE, Program, code_of, user_with
from tests.hostile.admins.everything import recorded
from wasm_plugins.models import ApiToken, AuditEntry, Plugin
from wasm_plugins.tokens import make_token, revoke_token

pytestmark = [pytest.mark.django_db, pytest.mark.canary_after]

TOKENS = "/admin/wasm_plugins/apitoken/"
GIB = 1024**3
REQUESTS = [
    ("GET", "token/", b""),
    ("GET", "plugins/greeter/", b""),
    ("GET", "plugins/greeter/log/", b""),
    ("PUT", "plugins/greeter/component/", b"x"),
    ("POST", "plugins/greeter/enable/", b'{"version": 1, "grant": true}'),
]
"""Every address with what it takes."""


def _codes(program: Program, **extra: Any) -> set[tuple[int, str]]:
    return {code_of(program.ask(method, path, body, **extra)) for method, path, body in REQUESTS}


@pytest.fixture
def author(db: None) -> Program:
    """Somebody who may everything that a token can be for."""
    return Program(user_with(*AUTHOR))


FORGED: dict[str, Callable[[Program], str]] = {
    "empty": lambda program: "",
    "no scheme": lambda program: program.secret,
    "another scheme": lambda program: f"Basic {program.secret}",
    "scheme alone": lambda program: "Bearer ",
}
WRONG: dict[str, Callable[[Program], str]] = {
    "the hash": lambda program: f"wpt_{program.token.key}_{program.token.digest}",
    "the key alone": lambda program: f"wpt_{program.token.key}_",
    "another secret": lambda program: f"wpt_{program.token.key}_{'0' * 64}",
    "another key": lambda program: f"wpt_{'0' * 16}_{program.secret[-64:]}",
    "capitals": lambda program: program.secret.upper(),
    "one more": lambda program: program.secret + "0",
    "two": lambda program: f"{program.secret}, {program.secret}",
    "digits of another script": lambda program: program.secret[:-1] + "\u0663",
    "sql": lambda program: "wpt_' OR 1=1 --",
    "long": lambda program: "wpt_" + "a" * 100_000,
    "a null": lambda program: program.secret + "\0",
}


def test_ad_09_what_is_no_token_of_this_site_does_nothing(author: Program) -> None:
    before = recorded()
    for kind in FORGED:
        assert _codes(author, HTTP_AUTHORIZATION=FORGED[kind](author)) == {(401, "token-missing")}, kind
    for kind in WRONG:
        header = f"Bearer {WRONG[kind](author)}"
        assert _codes(author, HTTP_AUTHORIZATION=header) == {(401, "token-refused")}, kind
    assert recorded() == before


def test_ad_09_a_session_a_form_and_an_address_are_no_token(staff: MakeStaff) -> None:
    admin = staff(*AUTHOR)
    program = Program(admin.user, client=admin.client)  # logged in, in a browser that checks no CSRF token
    before = recorded()
    assert _codes(program, HTTP_AUTHORIZATION="") == {(401, "token-missing")}
    for path in (f"token/?token={program.secret}", f"token/?access_token={program.secret}"):
        assert code_of(program.ask("GET", path, HTTP_AUTHORIZATION="")) == (401, "token-missing")
    program.client.cookies["token"] = program.secret
    form = {"token": program.secret, "access_token": program.secret}
    assert program.client.post(f"{BASE}plugins/greeter/enable/", form).status_code == 401
    assert recorded() == before


def test_ad_09_the_tokens_user_counts_and_not_who_is_logged_in(root: Staff) -> None:
    poor = Program(user_with("view_plugin"), client=root.client)
    assert poor.told("token/")["user"] == "author"
    assert code_of(poor.upload(greeter())) == (403, "not-allowed")
    response = poor.ask("GET", "token/")
    assert not response.cookies
    assert "no-store" in response["Cache-Control"]


def test_ad_09_pages_of_other_sites_are_told_nothing(author: Program) -> None:
    for origin in ("https://evil.example", "null"):
        response = author.ask("GET", "token/", HTTP_ORIGIN=origin)
        asked = author.client.options(f"{BASE}token/", HTTP_ORIGIN=origin)
        assert asked.status_code == 401
        headers = [*response.headers, *asked.headers]
        assert not [name for name in headers if name.lower().startswith("access-control")]


def _demote(user: User) -> None:
    user.user_permissions.clear()


def _deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def _delete(user: User) -> None:
    user.delete()


def test_ad_09_a_token_is_worth_what_its_user_is_at_each_call(author: Program) -> None:
    assert author.upload(greeter()).status_code == 201
    for act, expected in (
        (_demote, (403, "not-allowed")),
        (_deactivate, (401, "token-refused")),
        (_delete, (401, "token-refused")),
    ):
        act(author.user)
        assert code_of(author.upload(greeter("2"))) == expected
        assert code_of(author.enable(1)) == expected
    assert not Plugin.objects.get().is_enabled


def test_ad_09_a_token_ends_when_it_is_revoked_or_its_time_is_over(author: Program, settings: Settings) -> None:
    revoke_token(author.token)
    assert _codes(author) == {(401, "token-refused")}
    late = Program(author.user)
    ApiToken.objects.filter(pk=late.token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert _codes(late) == {(401, "token-expired")}
    old = Program(author.user)
    ApiToken.objects.filter(pk=old.token.pk).update(created_at=timezone.now() - timedelta(days=8))
    settings.WASM_PLUGINS_API_TOKEN_MAX_DAYS = 7  # shortened since: it holds for those that exist
    assert _codes(old) == {(401, "token-expired")}


def test_ad_09_each_address_wants_the_permission_that_the_admin_wants(author: Program) -> None:
    author.upload(greeter())
    for permission, allowed in (
        ("view_plugin", {"see"}),
        ("upload_plugin", {"see", "upload"}),
        ("approve_plugin", {"see", "enable"}),
        ("view_taskrun", {"log"}),
    ):
        program = Program(user_with(permission, name=permission))
        answers = {
            "see": program.ask("GET", "plugins/greeter/"),
            "log": program.ask("GET", "plugins/greeter/log/"),
            "upload": program.upload(greeter()),
            "enable": program.enable(1),
        }
        assert {act for act, response in answers.items() if response.status_code == 200} == allowed
        assert {code_of(answers[act]) for act in answers.keys() - allowed} == {(403, "not-allowed")}


def test_ad_09_a_token_is_for_its_acts_alone(author: Program) -> None:
    author.upload(greeter())
    for missing in ALL:
        narrowed = Program(author.user, acts=[act for act in ALL if act != missing])
        answers = {
            "see": narrowed.ask("GET", "plugins/greeter/"),
            "log": narrowed.ask("GET", "plugins/greeter/log/"),
            "upload": narrowed.upload(greeter()),
            "grant": narrowed.enable(1, grant=True),
            "enable": narrowed.enable(1),
        }
        refused = {act for act, response in answers.items() if response.status_code == 403}
        assert refused == ({"enable", "grant"} if missing == "enable" else {missing})


def test_ad_09_a_token_is_for_its_plugins_alone_whatever_a_component_says(author: Program) -> None:
    narrowed = Program(author.user, plugins=["shipping"])
    author.upload(greeter())
    assert code_of(narrowed.upload(greeter("2"))) == (403, "not-allowed")
    assert code_of(narrowed.upload(greeter("2"), "shipping")) == (422, "manifest-error")  # it says it is the greeter
    assert code_of(narrowed.enable(1)) == (403, "not-allowed")
    assert code_of(narrowed.ask("GET", "plugins/greeter/log/")) == (403, "not-allowed")
    assert code_of(narrowed.ask("GET", "plugins/nothing/")) == (403, "not-allowed")
    assert Plugin.objects.get().versions.count() == 1


def test_ad_09_other_addresses_lead_nowhere(author: Program) -> None:
    for path in ("plugins/greeter/component", "plugins/a%2fb/", "plugins/../token/", "", "x", "admin/"):
        for method in ("GET", "PUT", "POST", "DELETE"):
            assert code_of(author.ask(method, path))[0] in (404, 405), path


def test_ad_09_only_the_methods_of_an_address_reach_it(author: Program) -> None:
    author.ask("GET", "token/")  # from now on it was used within the minute
    before = recorded()
    for method in ("GET", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD"):
        for path in ("plugins/greeter/component/", "plugins/greeter/enable/"):
            response = author.ask(method, path, HTTP_X_HTTP_METHOD_OVERRIDE="PUT")
            assert (response.status_code, response["Allow"]) in ((405, "PUT, POST"), (405, "POST"))
    assert recorded() == before


def test_ad_09_a_token_is_in_no_row_log_page_or_report(
    author: Program, root: Staff, settings: Settings, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    settings.DEBUG = True
    author.upload(greeter())
    author.enable(1)
    author.upload(b"<html>")
    revoked = Program(author.user)
    revoke_token(revoked.token)
    revoked.ask("GET", "token/")

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr("wasm_plugins.api.views.plugin_report", fail)
    author.client.raise_request_exception = False
    broken = author.ask("GET", "plugins/greeter/")
    assert broken.status_code == 500
    assert b"a defect" in broken.content
    pages = [text_of(root.get(url)) for url in (TOKENS, f"{TOKENS}{author.token.pk}/change/")]
    told = caplog.text + str(recorded()) + str(list(LogEntry.objects.values())) + "".join(pages)
    for program in (author, revoked):
        assert program.token.key in told
        for secret in (program.secret, program.secret[-64:]):
            assert secret not in told + broken.content.decode()
        assert program.token.digest not in "".join(pages) + caplog.text


# In the admin


FORM = {"name": "laptop", "acts": ["see", "upload"], "plugins": "", "days": "7"}


def test_ad_09_nobody_makes_a_token_for_somebody_else(staff: MakeStaff, root: Staff) -> None:
    maker = staff("add_apitoken")
    page = text_of(maker.post(f"{TOKENS}add/", {**FORM, "user": root.user.pk, "user_id": root.user.pk, "by": "root"}))
    token = ApiToken.objects.get()
    assert (token.user, token.acts, token.plugins) == (maker.user, ["see", "upload"], [])
    assert page.count(f"wpt_{token.key}_") == 1
    assert AuditEntry.objects.get(act="token-made").user == maker.user


def test_ad_09_tokens_of_others_are_neither_seen_nor_revoked(staff: MakeStaff, author: Program) -> None:
    maker, viewer = staff("add_apitoken"), staff("view_apitoken")
    change, revoke = (f"{TOKENS}{author.token.pk}/{page}/" for page in ("change", "revoke"))
    assert author.token.key not in text_of(maker.get(TOKENS))
    assert maker.get(change).status_code == 404
    assert author.token.key in text_of(viewer.get(change))
    for who in (maker, viewer, staff()):
        assert who.post(revoke).status_code in (403, 404)
        who.post(TOKENS, {"action": "revoke_selected", "_selected_action": [author.token.pk]})
        who.post(change, {"name": "x", "user": who.user.pk, "expires_at_0": "2099-01-01"})
        who.post(f"{TOKENS}{author.token.pk}/delete/", {"post": "yes"})
    assert staff().get(TOKENS).status_code == 403
    assert viewer.post(f"{TOKENS}add/", FORM).status_code == 403
    author.token.refresh_from_db()
    assert (author.token.revoked_at, author.token.name) == (None, "tests")
    assert author.ask("GET", "token/").status_code == 200


def test_ad_09_who_may_change_tokens_revokes_any_by_post_alone(staff: MakeStaff, author: Program) -> None:
    strict, keeper = staff("change_apitoken", enforce_csrf=True), staff("change_apitoken")
    revoke = f"{TOKENS}{author.token.pk}/revoke/"
    assert keeper.get(revoke).status_code == 405
    assert strict.post(revoke).status_code == 403
    assert author.ask("GET", "token/").status_code == 200
    assert keeper.post(revoke).status_code == 302
    assert code_of(author.ask("GET", "token/")) == (401, "token-refused")


WRONG_FORMS: list[dict[str, Any]] = [
    {"days": "366"},
    {"days": "0"},
    {"days": "9" * 30},
    {"acts": ["everything"]},
    {"acts": []},
    {"plugins": "../x"},
    {"plugins": " ".join(f"p{number}" for number in range(101))},
    {"name": "\u202egpj"},
    {"name": ""},
]


def test_ad_09_a_form_makes_no_token_that_no_token_may_be(staff: MakeStaff) -> None:
    maker = staff("add_apitoken")
    for wrong in WRONG_FORMS:
        assert "errorlist" in text_of(maker.post(f"{TOKENS}add/", {**FORM, **wrong})), wrong
    assert not ApiToken.objects.exists()


def test_ad_09_a_deleted_user_leaves_a_token_that_is_good_for_nothing(root: Staff, author: Program) -> None:
    response = root.post(f"/admin/auth/user/{author.user.pk}/delete/", {"post": "yes"})
    assert response.status_code == 302
    assert code_of(author.ask("GET", "token/")) == (401, "token-refused")


# On the wire


@pytest.mark.django_db(transaction=True)
def test_ad_09_a_gigabyte_is_refused_by_its_length_and_the_unknown_before_any_of_it(live_server: LiveServer) -> None:
    user = User.objects.create_user("author", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="upload_plugin"))
    _, secret = make_token(user, "tests")
    for token, length, expected in (
        (secret.reveal(), f"Content-Length: {GIB}\r\n", b" 413 "),
        ("wpt_x", f"Content-Length: {GIB}\r\n", b" 401 "),
        (secret.reveal(), "Transfer-Encoding: chunked\r\n", b" 411 "),
    ):
        assert expected in _status_of(live_server, token, length)


def _status_of(server: LiveServer, token: str, length: str) -> bytes:
    address = urlsplit(server.url)
    head = (
        f"PUT {BASE}plugins/greeter/component/ HTTP/1.1\r\nHost: {address.netloc}\r\n{length}"
        f"Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((str(address.hostname), address.port or 80), timeout=20) as connection:
        connection.sendall(head.encode() + bytes(4_096))
        return connection.recv(4_096).partition(b"\r\n")[0]


def test_ad_09_the_api_is_off_where_no_project_mounts_it(author: Program, settings: Settings) -> None:
    settings.ROOT_URLCONF = "wasm_plugins.urls"
    assert Client().get(f"{BASE}token/", HTTP_AUTHORIZATION=f"Bearer {author.secret}").status_code in (401, 404)
    assert b"keeps_calls" not in Client().get(f"{BASE}token/", HTTP_AUTHORIZATION=f"Bearer {author.secret}").content
