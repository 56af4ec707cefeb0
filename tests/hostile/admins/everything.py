"""A project with a row of everything, every address of its admin, and a picture of what is recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import ForeignKey, Model
from django.utils import timezone

from tests.admin.plugins import refuse, writer
from tests.components import json_handler, ok, plugin_component, route, text_hook
from tests.installed import install
from wasm_plugins.admin.acts import ACTS
from wasm_plugins.models import (
    ApiToken,
    AuditEntry,
    KeyValue,
    KeyValueUsage,
    Plugin,
    StoredObject,
    Task,
    TaskRun,
    TrustedKey,
    VersionHealth,
)
from wasm_plugins.sealing import SecretValue
from wasm_plugins.secret_acts import set_secret
from wasm_plugins.sync import record_upload

SECRET = "canary-7d2e-never-shown"


def one_of_everything() -> Plugin:
    """Install a plugin that is on, with a newer and a refused version, and a row of each model; and one more plugin."""
    install(writer(), grants={"database": {"tables": {"shop_order": ["select"]}}})
    component = plugin_component(
        "greeter",
        hooks={"order-placed": text_hook(ok("hello"))},
        routes=[route("/greeter/hello", json_handler(ok("{}")))],
        tasks={"greet": json_handler(ok("{}"))},
    )
    plugin = install(component, grants={"config": {}})
    record_upload(plugin_component("greeter", tasks={"greet": json_handler(ok("{}"))}, salt="2"))
    refuse(plugin)
    set_secret(plugin, "token", SecretValue(SECRET))
    TaskRun.objects.create(plugin=plugin, handler="greet", input="{}", queue="default", timeout_s=5)
    TrustedKey.objects.create(name="somebody", public_key="ab" * 32)
    AuditEntry.objects.create(act="enable", plugin="greeter", outcome="ok")
    KeyValue.objects.create(plugin=plugin, bucket="default", key="a", value=b"kept", size_bytes=5)
    KeyValueUsage.objects.create(plugin=plugin, keys=1, size_bytes=5)
    Task.objects.update(schedule="0 5 * * *")
    ApiToken.objects.create(name="laptop", key="ab" * 8, digest="cd" * 32, expires_at=timezone.now())
    assert plugin.current_version is not None
    VersionHealth.objects.get_or_create(version=plugin.current_version)
    assert StoredObject.objects.exists()
    return plugin


def addresses() -> list[str]:
    """List every address that the admin has for this app: each view of each model, filled in with each row's key.

    They are found, not written down, so that a page which somebody adds is tried as well.
    """
    return [*_views(), *_autocompletes(), *_shortcuts(), "/admin/wasm_plugins/"]


def _views() -> Iterator[str]:
    for model, model_admin in _admins():
        base = f"/admin/wasm_plugins/{model._meta.model_name}/"
        keys = [quote(str(row.pk)) for row in model._default_manager.all()] or ["1"]
        for pattern in model_admin.get_urls():
            written = str(pattern.pattern)
            for key in keys if "<" in written else keys[:1]:
                yield base + re.sub(r"<[^>]+>", key, written)


def _admins() -> list[tuple[type[Model], Any]]:
    found = admin.site._registry.items()
    return [(model, each) for model, each in found if model._meta.app_label == "wasm_plugins"]


def _autocompletes() -> Iterator[str]:
    for model in apps.get_app_config("wasm_plugins").get_models():
        for field in model._meta.get_fields():
            if isinstance(field, ForeignKey):
                query = f"app_label=wasm_plugins&model_name={model._meta.model_name}&field_name={field.name}&term="
                yield f"/admin/autocomplete/?{query}"


def _shortcuts() -> Iterator[str]:
    for model in apps.get_app_config("wasm_plugins").get_models():
        row = model._default_manager.first()
        if row is not None:
            yield f"/admin/r/{ContentType.objects.get_for_model(model).pk}/{row.pk}/"


def attacks(plugin: Plugin) -> list[dict[str, Any]]:
    """List forms that do something at one of the addresses, for somebody who may."""
    actions = {name for _, each in _admins() for name in each.actions or ()} | {"delete_selected"}
    more = ("release", "retry", "rerun", "revoke", "lift", "reset")
    return [
        *({"act": act, "number": "2"} for act in (*ACTS, *more)),
        *({"action": action, "_selected_action": [plugin.pk], "post": "yes"} for action in sorted(actions)),
        {"act": "set", "name": "token", "value": "overwritten", "post": "yes", "_save": "Save"},
        {"act": "unset", "name": "token"},
    ]


def recorded() -> dict[str, list[dict[str, Any]]]:
    """Return every row that must be as it was: all of this app, who may do what, and the admin's history."""
    models: list[type[Model]] = [*apps.get_app_config("wasm_plugins").get_models(), LogEntry, Permission]
    rows = {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}
    users = User.objects.order_by("pk").values("pk", "is_staff", "is_superuser", "is_active")
    rows["User"] = [dict(user) for user in users]
    return rows
