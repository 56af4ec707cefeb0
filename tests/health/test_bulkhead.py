"""The count of calls that run: by plugin, without a queue, and never against itself."""

from __future__ import annotations

import os

import pytest

from wasm_plugins.exceptions import PluginBusy
from wasm_plugins.health.bulkhead import Bulkhead
from wasm_plugins.manifest import Manifest
from wasm_plugins.snapshot import ActivePlugin


def plugin(name: str) -> ActivePlugin:
    return ActivePlugin(
        id=1, name=name, version_id=1, version=1, digest="0" * 64, manifest=Manifest(name=name), grants={}
    )


def test_a_call_inside_a_call_of_the_same_plugin_is_no_further_one() -> None:
    bulkhead = Bulkhead()
    with bulkhead.entered(plugin("a"), 1), bulkhead.entered(plugin("a"), 1), bulkhead.entered(plugin("b"), 1):
        pass
    with bulkhead.entered(plugin("a"), 1):
        pass


def test_a_place_is_free_again_after_a_call_that_failed() -> None:
    bulkhead = Bulkhead()
    for _ in range(3):
        with pytest.raises(KeyError), bulkhead.entered(plugin("a"), 1):
            raise KeyError
    with pytest.raises(PluginBusy, match="limit concurrent_calls"), bulkhead.entered(plugin("a"), 0):
        raise AssertionError("nobody is let in")


def test_a_forked_process_has_all_places_free() -> None:
    bulkhead = Bulkhead()
    os.register_at_fork(after_in_child=bulkhead.reset)
    with bulkhead.entered(plugin("a"), 1):
        child = os.fork()
        if child == 0:
            try:
                with bulkhead.entered(plugin("a"), 1):
                    os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
