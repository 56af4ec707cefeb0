"""What the pages beside those of Django's admin have in common: a context, addresses, and a line after an act."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest
from django.urls import reverse

from ..exceptions import PluginError
from ..models import Plugin


def page_context(
    page_of: ModelAdmin[Plugin], request: HttpRequest, title: str, plugin: Plugin | None = None, **more: Any
) -> dict[str, Any]:
    """Return what ``plugin_subpage.html`` and those that extend it need, with more beside it."""
    told = {**page_of.admin_site.each_context(request), "title": title, "opts": page_of.opts, "media": page_of.media}
    return {**told, "original": plugin, **more}


def page_url(page: str, *args: object, current_app: str) -> str:
    """Return the address of a page of plugins: ``changelist``, ``version_report``, …"""
    return reverse(f"admin:wasm_plugins_plugin_{page}", args=args, current_app=current_app)


def about(plugin: Plugin, said: str | Exception) -> str:
    """Return a message about a plugin; in quotes, its name keeps the small letter that it begins with."""
    text = said.message if isinstance(said, PluginError) else str(said)
    return f"“{plugin.name}”: {text}"
