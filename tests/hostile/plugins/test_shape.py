"""Plugins that look around, or whose exports are not what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from wasmtime import wat2wasm

from tests.components import Function, Route, function, json_handler, ok, plugin_component, text_hook
from tests.hostile.plugins.hostile import wasi_probe
from tests.installed import install
from wasm_plugins import get_plugin_manager, lifecycle, storage
from wasm_plugins.exceptions import LimitExceeded, LinkError, ManifestError, PluginError, PluginTrapped
from wasm_plugins.models import Plugin, PluginVersion
from wasm_plugins.sync import record_upload, sync

pytestmark = pytest.mark.django_db

MS_NS = 1_000_000
DENIED = 0x101
"""An error with the number 1: ``closed`` of a stream, ``access-denied`` of a socket."""


def _asked(hook: str, number: int = 0) -> Any:
    (result,) = get_plugin_manager().call_hook_dynamic(hook, number)
    return result.value


def test_hp_17_environment_arguments_folders_input_and_network_are_empty_or_denied() -> None:
    install(wasi_probe())
    assert _asked("surroundings") == 0
    assert _asked("read-input", 2**63) == DENIED
    assert _asked("make-socket") == DENIED
    assert _asked("look-up") == DENIED


@pytest.mark.parametrize(("hook", "number"), [("exit", 0), ("exit", 1), ("exit-with-code", 0), ("exit-with-code", 77)])
def test_hp_17_an_exit_is_a_trap_and_the_process_lives(hook: str, number: int) -> None:
    install(wasi_probe())
    with pytest.raises(PluginTrapped):
        _asked(hook, number)
    assert _asked("surroundings") == 0


@pytest.mark.parametrize("size", [64 * 1024 + 1, 2**32, 2**62, 2**64 - 1])
def test_hp_17_random_numbers_are_capped(size: int) -> None:
    install(wasi_probe())
    assert _asked("random-size", 64 * 1024) == 64 * 1024
    with pytest.raises(LimitExceeded) as caught:
        _asked("random-size", size)
    assert caught.value.limit == "random_bytes"


def test_hp_17_clocks_are_coarse() -> None:
    install(wasi_probe())
    for hook in ("now", "wall-ns"):
        assert all(_asked(hook) % MS_NS == 0 for _ in range(20))


COMMON = "plugins-manager:common/plugin-common"
JSON = json_handler(ok("{}"))
A_HOOK = text_hook(ok("{}"))
SEVENTEEN = function(
    "".join(f'(param "p{number}" u32)' for number in range(17)) + " (result (result string (error string)))",
    "(param i32)",
    ok("{}"),
)


def _route(handler: str, made: Function, **options: Any) -> bytes:
    return plugin_component("hostile", routes=[Route("/hostile/x", handler, made)], **options)


CONFUSED = {
    "a route to get-manifest": _route("get-manifest", JSON, without=["get-manifest"]),
    "a hook get-manifest": plugin_component("hostile", hooks={"get-manifest": A_HOOK}, without=["get-manifest"]),
    "a task get-manifest": plugin_component("hostile", tasks={"get-manifest": JSON}, without=["get-manifest"]),
    "a route to _initialize": _route("_initialize", JSON, without=["_initialize"]),
    "a hook _initialize": plugin_component("hostile", hooks={"_initialize": A_HOOK}, without=["_initialize"]),
    "a route to cabi_realloc": _route("cabi_realloc", JSON, without=["cabi_realloc"]),
    "a task cabi_realloc": plugin_component("hostile", tasks={"cabi_realloc": JSON}, without=["cabi_realloc"]),
    "a route to a hook's function": _route("x", A_HOOK),
    "a task that is a hook's function": plugin_component("hostile", tasks={"x": A_HOOK}),
    "a hook with a route's function": plugin_component("hostile", hooks={"order-placed": JSON}),
    "a route to nothing": _route("x", JSON, without=["x"]),
    "a hook that is missing": plugin_component("hostile", hooks={"x": A_HOOK}, without=["x"]),
    "a task that is missing": plugin_component("hostile", tasks={"x": JSON}, without=["x"]),
    "a route to plugin-common": _route(COMMON, JSON, without=[COMMON]),
}


@pytest.mark.parametrize("case", CONFUSED)
def test_hp_19_a_manifest_that_names_what_is_no_such_function_is_refused(case: str) -> None:
    with pytest.raises((LinkError, ManifestError)):
        record_upload(CONFUSED[case])
    _refused_in_storage(CONFUSED[case])


def _refused_in_storage(data: bytes) -> None:
    """Assert that the same is refused when storage brings it, and that others load."""
    storage.put_upload("hostile", data)
    storage.put_upload("good", plugin_component("good", hooks={"order-placed": text_hook(ok("hello"))}))
    sync()
    assert PluginVersion.objects.get(plugin__name="hostile").state == "refused"
    lifecycle.enable(Plugin.objects.get(name="good"))
    (answer,) = get_plugin_manager().call_hook_dynamic("order-placed", 1, "")
    assert answer.value == "hello"


def _manifest_answering(result: str, core: str, body: str) -> bytes:
    """Return a component whose ``get-manifest`` has another type."""
    return bytes(
        wat2wasm(f"""(component
          (core module $m (memory (export "memory") 1) (func (export "run") {core} {body}))
          (core instance $i (instantiate $m))
          (func $f {result} (canon lift (core func $i "run") (memory (core memory $i "memory"))))
          (instance $c (export "get-manifest" (func $f)))
          (export "plugins-manager:common/plugin-common" (instance $c)))""")
    )


TAKES_A_RESPONSE = function(
    '(param "a" $response) (result (result $response (error string)))', "(param" + " i32" * 6 + ")", ok("")
)
ANSWERS_A_REQUEST = function(
    '(param "a" $request) (result (result $request (error string)))', "(param" + " i32" * 13 + ")", ok("")
)
WRONG: Mapping[str, bytes] = {
    "get-manifest answers a u32": _manifest_answering("(result u32)", "(result i32)", "(i32.const 1)"),
    "get-manifest answers nothing": _manifest_answering("", "", ""),
    "get-manifest answers a string": _manifest_answering("(result string)", "(result i32)", "(i32.const 16)"),
    "get-manifest takes something": _manifest_answering(
        '(param "a" u32) (result u32)', "(param i32) (result i32)", "(i32.const 1)"
    ),
    "a handler with 17 parameters": _route("x", SEVENTEEN),
    "a hook with 17 parameters": plugin_component("hostile", hooks={"order-placed": SEVENTEEN}),
    "a handler that answers a number": _route(
        "x", function('(param "a" string) (result (result u32 (error string)))', "(param i32 i32)", ok("{}"))
    ),
    "a handler that takes a response": _route("x", TAKES_A_RESPONSE),
    "a handler that answers a request": _route("x", ANSWERS_A_REQUEST),
    "a handler whose error is a number": _route(
        "x", function('(param "a" string) (result (result string (error u32)))', "(param i32 i32)", ok("{}"))
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_hp_38_a_wrong_signature_is_refused(case: str) -> None:
    with pytest.raises(PluginError) as caught:
        record_upload(WRONG[case])
    assert isinstance(caught.value, LinkError)
    _refused_in_storage(WRONG[case])
