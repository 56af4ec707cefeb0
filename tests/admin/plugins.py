"""The plugins that the admin's tests are about: with every kind of declaration, asking for the database, or hostile."""

from __future__ import annotations

from tests.components import json_handler, ok, plugin_component, route, sql, text_hook
from tests.installed import install
from wasm_plugins.models import Plugin, PluginVersion
from wasm_plugins.sync import record_upload

WRITER_TOML = '[capabilities.database.tables]\nshop_order = ["{}"]\n'
IMG = "<img src=x onerror=alert(1)>"
HOSTILE_TOML = (
    f'title = "{IMG}"\ndescription = "{{{{7*7}}}}{IMG}"\nauthor = "{IMG}"\nhomepage = "https://x.example/{IMG}"\n'
)


def greeter(salt: str = "", toml: str | None = None) -> bytes:
    """A plugin with a hook, a route and a task that needs no grant."""
    return plugin_component(
        "greeter",
        hooks={"order-placed": text_hook(ok("hello"))},
        routes=[route("/greeter/hello", json_handler(ok("{}")))],
        tasks={"greet": json_handler(ok("{}"))},
        salt=salt,
        toml=toml,
    )


def writer(operation: str = "select", salt: str = "") -> bytes:
    """A plugin that asks for the database."""
    task = json_handler(ok("{}", first=[sql("DELETE FROM shop_order")]))
    return plugin_component("writer", tasks={"write": task}, toml=WRITER_TOML.format(operation), salt=salt)


def reader(salt: str = "", name: str = "writer") -> bytes:
    """A version of ``writer`` that asks for nothing."""
    return plugin_component(name, tasks={"write": json_handler(ok("{}"))}, salt=salt)


def refused(name: str = "broken") -> Plugin:
    """Record a plugin of which there is only a refused version."""
    plugin = Plugin.objects.create(name=name)
    refuse(plugin)
    return plugin


def refuse(plugin: Plugin, problem: str = "imports evil:corp/backdoor") -> PluginVersion:
    """Record one more version of a plugin, refused."""
    number = plugin.versions.count() + 1
    return PluginVersion.objects.create(
        plugin=plugin,
        number=number,
        digest=f"{plugin.pk:032x}{number:032x}",
        size_bytes=8,
        state=PluginVersion.State.REFUSED,
        error_code="link-error",
        problem=problem,
    )


def one_in_each_state() -> dict[str, Plugin]:
    """Install a plugin for each way to stand: on, off, waiting for a grant, with a newer version, refused."""
    newer = install(reader(name="newer"))
    record_upload(reader("2", name="newer"))
    waiting = install(writer(), grants={"database": {}})
    waiting.grants.all().delete()
    return {
        "running": install(greeter()),
        "off": install(reader(name="idle"), enable=False),
        "waiting": waiting,
        "newer": newer,
        "refused": refused(),
    }
