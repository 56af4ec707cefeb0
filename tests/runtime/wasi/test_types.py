"""A component writes the types of its imports itself: those that are not WASI's are refused, or crash only it."""

from __future__ import annotations

import math

import pytest

from tests.runtime.wasi.probe import link
from wasm_plugins.exceptions import LinkError, PluginTrapped
from wasm_plugins.runtime import sandbox
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.linker import HostFunction
from wasm_plugins.runtime.log import CallLog
from wasm_plugins.runtime.state import CallState
from wasm_plugins.runtime.values import Err
from wasm_plugins.runtime.wasi import wasi_interfaces
from wasm_plugins.runtime.wit import BOOL, EnumOf, Func, OptionOf, ResultOf, WitType

FOREIGN_HANDLE = """
(component
  (import "wasi:io/streams@0.2.0" (instance $streams (export "input-stream" (type (sub resource)))))
  (alias export $streams "input-stream" (type $input))
  (import "wasi:io/poll@0.2.0" (instance $poll
    (alias outer 1 $input (type $in0)) (export "input-stream" (type $in (eq $in0)))
    (export "poll" (func (param "in" (list (borrow $in))) (result (list u32))))))
  (import "wasi:cli/stdin@0.2.0" (instance $stdin
    (alias outer 1 $input (type $in0)) (export "input-stream" (type $in (eq $in0)))
    (export "get-stdin" (func (result (own $in))))))
  (core module $libc (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096))
  (core instance $libc (instantiate $libc))
  (core func $poll (canon lower (func $poll "poll")
    (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
  (core func $stdin (canon lower (func $stdin "get-stdin")))
  (core module $main
    (import "libc" "memory" (memory 1))
    (import "wasi" "poll" (func $poll (param i32 i32 i32)))
    (import "wasi" "stdin" (func $stdin (result i32)))
    (func (export "run")
      (i32.store (i32.const 0) (call $stdin))
      (call $poll (i32.const 0) (i32.const 1) (i32.const 64))))
  (core instance $main (instantiate $main (with "libc" (instance $libc))
    (with "wasi" (instance (export "poll" (func $poll)) (export "stdin" (func $stdin))))))
  (func (export "run") (canon lift (core func $main "run"))))
"""

FOREIGN_ANSWER = """
(component
  (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:cli/stdin@0.2.0" (instance $stdin
    (alias outer 1 $pollable (type $p0)) (export "pollable" (type $p (eq $p0)))
    (export "get-stdin" (func (result (own $p))))))
  (core func $stdin (canon lower (func $stdin "get-stdin")))
  (core module $main (import "wasi" "stdin" (func $stdin (result i32))) (func (export "run") (drop (call $stdin))))
  (core instance $main (instantiate $main (with "wasi" (instance (export "stdin" (func $stdin))))))
  (func (export "run") (canon lift (core func $main "run"))))
"""


@pytest.mark.parametrize(
    ("interface", "function"),
    [
        ("wasi:random/random@0.2.0", '"get-random-bytes" (func (param "len" string) (result (list u8)))'),
        ("wasi:clocks/monotonic-clock@0.2.0", '"now" (func (result string))'),
        ("wasi:cli/exit@0.2.0", '"exit" (func (param "status" u32))'),
        ("wasi:cli/environment@0.2.0", '"get-environment" (func (result u64))'),
    ],
)
def test_an_import_of_another_type_is_refused(interface: str, function: str) -> None:
    with pytest.raises(LinkError) as caught:
        link(f'(component (import "{interface}" (instance (export {function}))))')
    assert caught.value.missing == f"{interface}#" + function.split('"')[1]


@pytest.mark.parametrize(
    ("interface", "export"),
    [
        ("wasi:http/outgoing-handler@0.2.0", '"handle" (func)'),
        ("wasi:keyvalue/store@0.2.0", '"open" (func)'),
        ("wasi:clocks/monotonic-clock@0.3.0", '"wait-for" (func (param "how-long" u64))'),
        ("wasi:cli/run@0.2.0", '"run" (func (result (result)))'),
        ("wasi:io/poll@0.2.0", '"gadget" (type (sub resource))'),
    ],
)
def test_what_the_host_does_not_offer_is_refused_by_name(interface: str, export: str) -> None:
    with pytest.raises(LinkError) as caught:
        link(f'(component (import "{interface}" (instance (export {export}))))')
    assert caught.value.missing.startswith(interface)


@pytest.mark.parametrize("text", [FOREIGN_HANDLE, FOREIGN_ANSWER])
def test_a_handle_of_another_resource_crashes_the_plugin_alone(text: str) -> None:
    with pytest.raises(PluginTrapped):
        sandbox.call(link(text), "run")


def _denied(of: Func) -> HostFunction:
    found = wasi_interfaces()["wasi:filesystem/types"].find("[method]descriptor.any", of)
    assert found is not None
    return found


@pytest.mark.parametrize("code", ["access-denied", "not-permitted"])
def test_a_denied_function_answers_the_error_that_its_type_has(code: str) -> None:
    denied = _denied(Func((), ResultOf(None, EnumOf(("unknown", code)))))
    assert denied.call(None, "any", "arguments") == Err(code)


def test_a_denied_function_with_an_optional_answer_has_none() -> None:
    assert _denied(Func((), OptionOf(EnumOf(("io",))))).call(None) is None


def test_every_resource_is_known_by_the_interface_that_defines_it() -> None:
    for interface in wasi_interfaces().values():
        assert all(home.endswith(f"/{name}") for name, home in interface.resources.items())
        assert not interface.resources or interface.resources["pollable"] == "wasi:io/poll/pollable"


@pytest.mark.parametrize("result", [None, BOOL, ResultOf(), ResultOf(None, EnumOf(("io",)))])
def test_a_denied_function_that_cannot_say_so_crashes_the_plugin(result: WitType | None) -> None:
    state = CallState(export="run", limits=Limits(), deadline_at=math.inf, log=CallLog(0))
    with pytest.raises(PluginTrapped) as caught:
        _denied(Func((), result)).call(state)
    assert caught.value.export == "run"
