"""Whose fault a failure is: what somebody else handed to a plugin must not put it to sleep."""

from __future__ import annotations

import pytest

from tests.components import ok, plugin_component, text_hook
from tests.installed import install
from wasm_plugins.exceptions import LimitExceeded, PluginAsleep
from wasm_plugins.manager import get_plugin_manager

pytestmark = pytest.mark.django_db


def test_arguments_that_are_too_large_are_not_the_plugins_fault() -> None:
    install(plugin_component("greeter", hooks={"speak": text_hook(ok("hello"))}))
    for _ in range(6):
        with pytest.raises(LimitExceeded, match="argument_bytes"):
            get_plugin_manager().call_hook_dynamic("speak", 1, "x" * (5 * 1024 * 1024))
    try:
        results = get_plugin_manager().call_hook_dynamic("speak", 1, "x")
    except PluginAsleep:
        pytest.fail("somebody else's arguments put it to sleep")
    assert [each.value for each in results] == ["hello"]
