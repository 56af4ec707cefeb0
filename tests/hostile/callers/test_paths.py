"""Addresses that lead to another plugin, out of every plugin, or that tell which plugins there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client, RequestFactory

from tests.components import json_handler, ok, plugin_component, route
from tests.hostile.callers.serving import NEVER, code_of, open_to, serve, serve_routes
from tests.installed import install
from wasm_plugins import lifecycle, models
from wasm_plugins.exceptions import ManifestError
from wasm_plugins.models import Plugin, PluginVersion
from wasm_plugins.registry import mark_changed
from wasm_plugins.routes import respond
from wasm_plugins.sync import record_upload

pytestmark = [pytest.mark.django_db, pytest.mark.canary_after]

ODD = [
    "/plugins/a/../b/x",
    "/plugins/a/%2e%2e/b/x",
    "/plugins/a/%2E%2E/b/x",
    "/plugins/a/.%2e/b/x",
    "/plugins//b/x",
    "/plugins/b//x",
    "/plugins/./b/x",
    "/plugins/b/./x",
    "/plugins/b/x/.",
    "/plugins/b/x/..",
    "/plugins/b/%00x",
    "/plugins/b/x%00",
    "/plugins/b/x%ff",
    "/plugins/b/x%c0%af",
    "/plugins/b/x;x",
    "/plugins/b;x/x",
    "/plugins/b/x%3bx",
    "/plugins/b/%E2%80%AEx",
    "/plugins/b/x%E2%80%8F",
    "/plugins/b/x%EF%BB%BF",
    "/plugins/b%5cx",
    "/plugins/b\\x",
    "/plugins/a\\..\\b\\x",
    "/plugins/b/x%0a",
    "/plugins/b/x%0d%0aX-Header:%20y",
    "/plugins/b/x%09",
    "/plugins/b/x%20",
    "/plugins/b/x%7f",
    "/plugins/B/x",
    "/plugins/b/X",
    "/plugins/%62/%2578",
    "/plugins/b/x%252e",
    "/plugins/b/x/",
    "/plugins/b/" + "x" * 5_000,
    "/plugins/b/" + "/".join("x" * 1_000),
]


@pytest.mark.parametrize("path", ODD, ids=lambda path: ascii(path)[:40])
def test_hc_05_an_odd_path_is_404_by_the_host(client: Client, path: str) -> None:
    serve_routes("a", route("/a/x", NEVER))
    serve_routes("b", route("/b/x", NEVER))
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    "raw",
    [
        "/plugins/b%2fx",
        "/plugins/b%2Fx",
        "/plugins/a%2f..%2fb/x",
        "/plugins/a/%2e%2e/b/x",
        "/plugins/%62%2fx?y=%2f",
        b"/plugins/b%2fx",
        "http://testserver/plugins/b%2Fx",
        "/plugins/b/x%00",
    ],
)
@pytest.mark.parametrize("server", ["gunicorn", "uwsgi", "asgi"])
def test_hc_05_what_was_percent_encoded_to_look_otherwise_is_404(client: Client, raw: Any, server: str) -> None:
    """Whatever the server made of it: here, the path of a route that there is."""
    serve_routes("b", route("/b/x", NEVER))
    request: Any = RequestFactory().get("/plugins/b/x")
    if server == "asgi":
        request.scope = {"raw_path": raw if isinstance(raw, bytes) else raw.encode()}
    else:
        request.META["RAW_URI" if server == "gunicorn" else "REQUEST_URI"] = (
            raw if isinstance(raw, str) else raw.decode()
        )
    response = respond(request, "/b/x")
    assert (response.status_code, code_of(response)) == (404, "route-not-found")


def test_hc_05_an_encoded_letter_is_the_letter(client: Client) -> None:
    serve_routes("b", route("/b/x", json_handler(ok("{}"))))
    assert client.get("/plugins/%62/x", RAW_URI="/plugins/%62/x?next=%2f").status_code == 200


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/plugins/foobar", "foobar"),
        ("/plugins/foo/bar", "foo"),
        ("/plugins/foo", None),
        ("/plugins/foo/", None),
        ("/plugins/foobar/bar", None),
        ("/plugins/foo-bar", None),
        ("/plugins/foo/bar/baz", None),
        ("/plugins/fo", None),
        ("/plugins/foobarr", None),
    ],
)
def test_hc_06_a_path_belongs_to_the_exact_owner_or_to_nobody(client: Client, path: str, owner: str | None) -> None:
    serve_routes("foo", route("/foo/bar", json_handler(ok('{"owner": "foo"}'))))
    serve_routes("foobar", route("/foobar", json_handler(ok('{"owner": "foobar"}'))))
    response = client.get(path)
    assert response.status_code == (404 if owner is None else 200)
    if owner is not None:
        assert response.json() == {"owner": owner}


def test_hc_06_a_neighbour_cannot_claim_the_path() -> None:
    with pytest.raises(ManifestError):
        record_upload(plugin_component("foo", routes=[route("/foobar/x", NEVER)]))


def _unknown() -> None:
    """Nobody ever uploaded it."""


def _disabled() -> None:
    lifecycle.disable(serve(NEVER))


def _never_enabled() -> None:
    install(plugin_component("pages", routes=[route("/pages/one", NEVER)]), enable=False)
    open_to("public")


def _refused() -> None:
    serve(NEVER)
    PluginVersion.objects.update(state=PluginVersion.State.REFUSED)
    mark_changed()


def _without_its_grant() -> None:
    serve(NEVER)
    PluginVersion.objects.update(imports=["plugins-manager:jwt/authorization"])
    mark_changed()


def _route_is_off() -> None:
    serve(NEVER)
    models.Route.objects.update(is_enabled=False)
    mark_changed()


def _route_is_gone() -> None:
    serve(NEVER)
    models.Route.objects.update(is_declared=False)
    mark_changed()


def _deleted() -> None:
    lifecycle.delete(serve(NEVER))


def _other_route() -> None:
    serve_routes("pages", route("/pages/two", NEVER))


@pytest.mark.parametrize(
    "state",
    [_disabled, _never_enabled, _refused, _without_its_grant, _route_is_off, _route_is_gone, _deleted, _other_route],
)
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS", "FOO"])
def test_hc_08_a_plugin_that_does_not_serve_is_answered_like_one_that_never_was(
    client: Client, state: Callable[[], None], method: str
) -> None:
    never = client.generic(method, "/plugins/never/was")
    state()
    found = client.generic(method, "/plugins/pages/one")
    assert found.status_code == never.status_code == 404
    assert found.content == never.content
    assert dict(found.items()) == dict(never.items())
    assert b"pages" not in found.content
    assert b"one" not in found.content


def test_hc_08_the_body_of_a_404_names_nothing(client: Client) -> None:
    response = client.get("/plugins/never/was")
    assert response.json() == {
        "error": {"plugin": None, "code": "route-not-found", "message": "nothing is served here"}
    }
    assert Plugin.objects.count() == 0
