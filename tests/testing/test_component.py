"""Real components in tests: from text, with ``plugin.toml``, with grants."""

from __future__ import annotations

import pytest

from project.shop.models import Order
from project.shop.plugin_hooks import order_placed
from tests.components import ok, plugin_component, sql, text_hook
from wasm_plugins import get_plugin_manager
from wasm_plugins.exceptions import CapabilityDenied, CompileError, LinkError, PluginFailed
from wasm_plugins.runtime.sections import read_sections
from wasm_plugins.testing import ComponentPlugin, component_from_wat, override_plugins

WRITER = plugin_component(
    "writer",
    hooks={"order-placed": text_hook(ok("written", first=[sql("UPDATE shop_order SET note = 'x' WHERE id = 1")]))},
    toml='[capabilities.database.tables]\nshop_order = ["select", "update"]\n',
)


def test_text_becomes_a_component_with_its_plugin_toml() -> None:
    data = component_from_wat("(component)", toml='version = "1.0.0"\n')
    assert data.startswith(b"\0asm\x0d\0\x01\0")
    assert read_sections(data, limit_bytes=1_000) == {"plugin.toml": b'version = "1.0.0"\n'}
    assert component_from_wat("(component)") == data[:8]


@pytest.mark.parametrize("text", ["", "(component", "(component (import))", "no wat at all"])
def test_what_is_no_text_of_a_component_is_said(text: str) -> None:
    with pytest.raises(CompileError):
        component_from_wat(text)


def test_a_component_that_is_no_plugin_is_refused() -> None:
    with pytest.raises(LinkError), override_plugins(component_from_wat("(component)")):
        pass


@pytest.mark.django_db(databases=["default", "sqlite"])
def test_a_component_is_granted_what_it_asks_for() -> None:
    Order.objects.create(pk=1, note="as it was", total_cents=1)
    with override_plugins(WRITER):
        assert order_placed(1, "").values == ["written"]
    assert Order.objects.get().note == "x"


@pytest.mark.django_db(databases=["default", "sqlite"])
def test_a_component_may_do_what_was_granted_and_nothing_more() -> None:
    Order.objects.create(pk=1, note="as it was", total_cents=1)
    narrow = ComponentPlugin(WRITER, grants={"database": {"tables": {"shop_order": ["select"]}}})
    with override_plugins(narrow), pytest.raises(PluginFailed):
        order_placed(1, "")
    assert Order.objects.get().note == "as it was"


def test_a_component_without_a_grant_that_it_needs_is_refused() -> None:
    with pytest.raises(CapabilityDenied) as caught, override_plugins(ComponentPlugin(WRITER, grants={})):
        pass
    assert (caught.value.missing, caught.value.plugin) == ("database", "writer")


def test_a_grant_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="capability"):
        ComponentPlugin(WRITER, grants={"fly": {}})


@pytest.mark.django_db(databases=["default", "sqlite"])
def test_one_component_can_be_enabled_again_and_again() -> None:
    plugin = ComponentPlugin(plugin_component("greeter", hooks={"order-placed": text_hook(ok("hello"))}))
    for _ in range(2):
        with override_plugins(plugin):
            assert get_plugin_manager().call_hook_dynamic("order-placed", 1, "").values == ["hello"]
