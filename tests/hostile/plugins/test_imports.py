"""Imports that no plugin gets: refused when it is looked at, with the import's name, and never linked as a trap."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest

from tests.components import authorize, json_handler, ok, plugin_component, sql, text_hook
from tests.installed import install
from tests.wat import HostImport
from wasm_plugins import components, lifecycle
from wasm_plugins.exceptions import CapabilityDenied, LinkError, PluginTrapped
from wasm_plugins.manager import get_plugin_manager
from wasm_plugins.models import Plugin
from wasm_plugins.registry import find_snapshot
from wasm_plugins.sync import record_upload

pytestmark = [pytest.mark.django_db, pytest.mark.canary_after]

FORBIDDEN = {
    "wasi:http/outgoing-handler@0.2.0": '(export "handle" (func (result u32)))',
    "wasi:filesystem/preopens@0.2.0": '(export "open-for-writing" (func (result u32)))',
    "wasi:cli/command@0.2.0": '(export "run" (func (result u32)))',
    "foo:bar/baz": '(export "qux" (func))',
    "foo:bar/baz@1.2.3": '(export "qux" (func))',
    "plugins-manager:transactions-manager/superuser": '(export "sudo" (func))',
}


@pytest.mark.parametrize("interface", FORBIDDEN)
def test_hp_16_an_import_that_no_plugin_gets_is_refused_with_its_name(interface: str) -> None:
    head = f'(import "{interface}" (instance {FORBIDDEN[interface]}))'
    with pytest.raises(LinkError) as caught:
        record_upload(plugin_component("greeter", head=head))
    assert interface.partition("@")[0] in str(caught.value)
    assert interface.partition("@")[0] in caught.value.missing
    assert not Plugin.objects.exists()


@pytest.mark.parametrize("what", ['(import "read" (func))', '(import "anything" (instance (export "f" (func))))'])
def test_hp_16_an_import_outside_of_any_package_is_refused(what: str) -> None:
    with pytest.raises(LinkError):
        record_upload(plugin_component("greeter", head=what))


DENIED = [
    "wasi:sockets/tcp@0.2.0",
    "wasi:sockets/tcp-create-socket@0.2.0",
    "wasi:sockets/udp@0.2.0",
    "wasi:sockets/network@0.2.0",
    "wasi:sockets/ip-name-lookup@0.2.0",
    "wasi:filesystem/types@0.2.0",
]
"""What every component of an ordinary toolchain imports, Python's among them: it starts, and gets nothing of it."""


@dataclass(frozen=True)
class _Step:
    """A step that only brings its import along."""

    imported: HostImport


@pytest.mark.parametrize("interface", DENIED)
def test_hp_16_what_toolchains_import_by_themselves_is_there_and_does_nothing(interface: str) -> None:
    step = _Step(HostImport(interface, "open", "", core_params=0))
    body = "(call $host-open) unreachable"
    hook = text_hook(lambda memory, shape: (body, (step,)))  # type: ignore[arg-type,return-value]
    install(plugin_component("greeter", hooks={"speak": hook}))
    counts = []
    for _ in range(2):  # the first call loads the component, whose code stays mapped
        with pytest.raises(PluginTrapped, match="no files and no network"):
            get_plugin_manager().call_hook_dynamic("speak", 1, "")
        counts.append(len(os.listdir("/proc/self/fd")))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("capability", "step", "interface"),
    [
        ("database", sql("SELECT 1"), "plugins-manager:transactions-manager/transaction"),
        ("authorization", authorize("shop.view_order"), "plugins-manager:jwt/authorization"),
    ],
)
def test_hp_16_an_interface_that_was_not_granted_is_not_to_be_had(
    capability: str, step: object, interface: str
) -> None:
    task = json_handler(ok("{}", first=[step]))  # type: ignore[list-item]
    plugin = install(plugin_component("greeter", tasks={"work": task}), enable=False)
    with pytest.raises(CapabilityDenied) as caught:
        lifecycle.enable(plugin)
    assert capability in caught.value.missing
    version = plugin.versions.get()
    assert any(name.startswith(interface) for name in version.imports)
    assert "greeter" not in find_snapshot().plugins
    assert version.digest not in components._linked
