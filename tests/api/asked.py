"""The API as a program asks it: with a token in the header, and the JSON that comes back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client

from wasm_plugins.models import ApiToken
from wasm_plugins.tokens import make_token

BASE = "/plugins-api/"
ALL = tuple(ApiToken.Act.values)
AUTHOR = ("upload_plugin", "approve_plugin", "view_taskrun")


def user_with(*codenames: str, name: str = "author") -> User:
    """Make a user with some permissions of this app, who is staff."""
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="wasm_plugins", codename__in=codenames))
    return user


class Program:
    """A program that has a token."""

    def __init__(
        self, user: User, *, acts: Sequence[str] = ALL, plugins: Sequence[str] = (), client: Client | None = None
    ) -> None:
        self.user = user
        self.token, secret = make_token(user, "tests", acts=acts, plugins=plugins)
        self.secret = secret.reveal()
        self.client = client or Client(enforce_csrf_checks=True)

    def ask(self, method: str, path: str, body: bytes = b"", **extra: Any) -> Any:
        """Send a request with the token."""
        extra.setdefault("HTTP_AUTHORIZATION", f"Bearer {self.secret}")
        kind = extra.pop("content_type", "application/octet-stream")
        return self.client.generic(method, BASE + path, body, content_type=kind, **extra)

    def upload(self, component: bytes, name: str = "greeter", **extra: Any) -> Any:
        """Send a component."""
        return self.ask("PUT", f"plugins/{name}/component/", component, **extra)

    def enable(self, version: Any, name: str = "greeter", **more: Any) -> Any:
        """Have a version serve."""
        return self.ask("POST", f"plugins/{name}/enable/", json.dumps({"version": version, **more}).encode())

    def told(self, path: str) -> Any:
        """Return what an address tells."""
        response = self.ask("GET", path)
        assert response.status_code == 200, response.content
        return response.json()


def code_of(response: Any) -> tuple[int, str]:
    """Return the status and the code of an error, whose body has always the same keys."""
    error = response.json()["error"]
    assert error.keys() == {"plugin", "code", "message"}
    return response.status_code, error["code"]
