"""A plugin with settings of every kind, among them a secret, and a task that answers one of them."""

from __future__ import annotations

from django.urls import reverse

from tests.components import json_handler, plugin_component
from tests.installed import install
from tests.secret_components import answered
from wasm_plugins.models import Plugin

IMG = "<img src=x onerror=alert(1)>"
TOML = f"""
[settings]
required = ["shop", "token"]
[settings.properties.shop]
type = "string"
title = "Shop's name"
description = "Shown to customers {IMG}"
minLength = 2
maxLength = 20
pattern = "^[a-z ]+$"
[settings.properties.currency]
enum = ["EUR", "USD"]
default = "EUR"
[settings.properties.rate]
type = "number"
minimum = 0
maximum = 1
default = 0.5
[settings.properties.doubles]
type = "boolean"
default = false
[settings.properties.greeting]
type = "string"
default = "hello"
[settings.properties.token]
type = "string"
writeOnly = true
[settings.properties.smtp]
type = "object"
title = "Mail"
[settings.properties.smtp.properties.port]
type = "integer"
default = 25
[settings.properties.tags]
type = "array"
items = {{ type = "string", maxLength = 5 }}
uniqueItems = true
maxItems = 3
[settings.properties.rules]
type = "array"
items = {{ type = "object", properties = {{ name = {{ type = "string" }} }} }}
"""
GOOD = {
    "setting-shop": "my shop",
    "setting-currency": "1",
    "setting-rate": "0.25",
    "setting-doubles": "0",
    "setting-greeting": "hello",
    "setting-smtp.port": "587",
    "setting-tags": "a\r\nb\r\n",
    "setting-rules": '[{"name": "x"}]',
}
STORED = {
    "shop": "my shop",
    "currency": "USD",
    "rate": 0.25,
    "doubles": True,
    "smtp": {"port": 587},
    "tags": ["a", "b"],
    "rules": [{"name": "x"}],
}


def teller(key: str = "shop", toml: str = TOML, salt: str = "") -> bytes:
    """A plugin whose task answers what it reads under a key."""
    return plugin_component("teller", tasks={"tell": json_handler(answered(key))}, toml=toml, salt=salt)


def install_teller(key: str = "shop", toml: str = TOML) -> Plugin:
    """Install it, granted to read its settings."""
    return install(teller(key, toml), grants={"config": {}})


def settings_url(plugin: Plugin) -> str:
    """Return the address of the page of its settings."""
    return reverse("admin:wasm_plugins_plugin_settings", args=[plugin.pk])
