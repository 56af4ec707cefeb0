"""The admin's pages as a staff user opens them: addresses, forms as a browser would send them, messages."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from wasm_plugins.models import Plugin, PluginVersion

LIST, UPLOAD, SYNC = (f"/admin/wasm_plugins/plugin/{page}" for page in ("", "upload/", "sync/"))
RUNS, STORED, VERSIONS, AUDIT = (
    f"/admin/wasm_plugins/{model}/" for model in ("taskrun", "storedobject", "pluginversion", "auditentry")
)


class Staff:
    """A staff user in front of a browser."""

    def __init__(self, user: User, client: Client) -> None:
        self.user = user
        self.client = client
        client.force_login(user)

    def get(self, url: str, **query: str) -> HttpResponse:
        """Open a page."""
        return self.client.get(url, query)  # type: ignore[return-value]

    def post(self, url: str, data: dict[str, Any] | None = None) -> HttpResponse:
        """Send a form; messages of earlier answers have been read."""
        self.client.cookies.pop("messages", None)
        return self.client.post(url, data or {})  # type: ignore[return-value]

    def act(self, plugin: Plugin, act: str, **data: Any) -> HttpResponse:
        """Press a button on a plugin's page."""
        return self.post(reverse("admin:wasm_plugins_plugin_act", args=[plugin.pk]), {"act": act, **data})

    def upload(self, content: bytes, name: str = "greeter.wasm") -> HttpResponse:
        """Send a file with the upload page."""
        return self.post(UPLOAD, {"component": SimpleUploadedFile(name, content)})

    def save(self, plugin: Plugin, changes: dict[str, Any]) -> HttpResponse:
        """Open a plugin's page, change some fields of its form, and save it."""
        page = self.get(page_of(plugin))
        return self.post(page_of(plugin), {**form_fields(text_of(page)), **changes})

    def history(self) -> list[str]:
        """List what the admin's history says that this user did, latest first."""
        return [entry.get_change_message() for entry in LogEntry.objects.filter(user=self.user)]


def page_of(plugin: Plugin) -> str:
    """Return the address of a plugin's page."""
    return reverse("admin:wasm_plugins_plugin_change", args=[plugin.pk])


def step_of(step: str, version: PluginVersion) -> str:
    """Return the address of one of the steps to a version that runs: ``report``, ``consent`` or ``enable``."""
    return reverse(f"admin:wasm_plugins_plugin_version_{step}", args=[version.pk])


def versions_of(plugin: Plugin, *numbers: int) -> str:
    """Return the address of a plugin's versions, or of what is different between two of them."""
    name = "admin:wasm_plugins_plugin_versions" + ("_compared" if numbers else "")
    return reverse(name, args=[plugin.pk, *numbers])


def words_of(response: HttpResponse) -> str:
    """Return the text of a page that opened, without tags, with single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text_of(response))).split())


def text_of(response: HttpResponse) -> str:
    """Return a page that opened."""
    assert response.status_code == 200
    return response.content.decode()


def messages_of(response: HttpResponse) -> list[tuple[str, str]]:
    """List the level and text of the messages that an answer leaves for the next page."""
    return [(each.level_tag, str(each)) for each in get_messages(response.wsgi_request)]  # type: ignore[attr-defined]


def levels_of(response: HttpResponse) -> list[str]:
    """List the levels of the messages that an answer leaves for the next page."""
    return [level for level, _ in messages_of(response)]


def form_fields(page: str, form_id: str = "plugin_form") -> dict[str, str]:
    """Return what a browser would send for a form, if nothing was touched: the one that edits a plugin, or another."""
    reader = _FormReader(form_id)
    reader.feed(page)
    return reader.fields


class _FormReader(HTMLParser):
    """Collects the fields of one form."""

    def __init__(self, form_id: str) -> None:
        super().__init__()
        self.form_id = form_id
        self.fields: dict[str, str] = {}
        self._is_inside = False
        self._open: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        got = dict(attrs)
        name = got.get("name")
        if tag == "form":
            self._is_inside = got.get("id") == self.form_id
        elif not self._is_inside:
            return
        elif tag == "option" and self._open is not None and "selected" in got:
            self.fields[self._open] = got.get("value") or ""
        elif tag in ("textarea", "select") and name is not None and "disabled" not in got:
            self._open = name
            self.fields[name] = ""
        elif tag == "input" and name is not None and _is_sent(got):
            self.fields[name] = got.get("value") or ("on" if got.get("type") == "checkbox" else "")

    def handle_data(self, data: str) -> None:
        if self._open is not None and self.lasttag == "textarea":
            self.fields[self._open] += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("textarea", "select"):
            self._open = None
            self.lasttag = ""
        elif tag == "form":
            self._is_inside = False


def _is_sent(attrs: dict[str, str | None]) -> bool:
    """Tell whether a browser sends an input that nobody touched."""
    if attrs.get("type") == "submit" or "disabled" in attrs:
        return False
    return attrs.get("type") != "checkbox" or "checked" in attrs
