"""Serves one hostile or one innocent handler, the way an admin would: upload, grant, enable, open to somebody."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from tests.components import Function, Route, http_handler, json_handler, plugin_component, route, trap
from tests.installed import install
from wasm_plugins import models
from wasm_plugins.models import Plugin
from wasm_plugins.registry import mark_changed

PATH = "/plugins/pages/one"

NEVER = json_handler(trap())
"""A JSON handler that, were it ever called, would be a 502."""

NEVER_HTTP = http_handler(trap())

METHODS = '["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]'


def serve(handler: Function, access: str = "public", *, methods: str = '["GET", "POST"]', html: bool = False) -> Plugin:
    """Serve a handler as ``/plugins/pages/one``."""
    toml = f'[routes."/pages/one"]\nmethods = {methods}\n' + ("[capabilities.html]\n" if html else "")
    component = plugin_component("pages", routes=[route("/pages/one", handler)], toml=toml)
    plugin = install(component, grants={"html": {}} if html else None)
    open_to(access)
    return plugin


def serve_routes(name: str, *routes: Route, access: str = "public") -> Plugin:
    """Serve several routes of one plugin."""
    plugin = install(plugin_component(name, routes=routes))
    open_to(access)
    return plugin


def open_to(access: str) -> None:
    """Let somebody else call all routes."""
    models.Route.objects.update(access=access)
    mark_changed()


def code_of(response: HttpResponse | Any) -> str:
    """Return the code of an error, which every refusal of a route has."""
    assert response["Content-Type"] == "application/json", response.content[:200]
    assert b"Traceback" not in response.content
    return str(json.loads(response.content)["error"]["code"])


def post(client: Client, body: bytes | str, content_type: str = "application/json", **headers: str) -> Any:
    """Send a body as it is."""
    return client.generic("POST", PATH, body, content_type=content_type, headers=headers)
