"""A component's type survives being written and read, and is no more than it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasm_plugins.runtime import wit
from wasm_plugins.runtime.component_type import ComponentType, Interface
from wasm_plugins.runtime.introspection import introspect
from wasm_plugins.runtime.recorded_type import read_type, write_type

from .any_value import types
from .components import compiled

_names = st.text(max_size=6)
_any_type = types | st.sampled_from([wit.Handle(owned=True), wit.Handle(owned=False), wit.Unsupported("stream")])
_params = st.lists(st.tuples(_names, _any_type), max_size=3).map(tuple)
_functions = st.dictionaries(_names, st.builds(wit.Func, _params, st.none() | _any_type), max_size=3)
_interfaces = st.dictionaries(
    _names, st.builds(Interface, _functions, st.lists(_names, max_size=2).map(tuple)), max_size=2
)
_component_types = st.builds(
    ComponentType, instances=_interfaces, functions=_functions, interfaces=_interfaces, exports=_functions
)


@given(_component_types)
def test_what_was_written_is_read(of: ComponentType) -> None:
    assert read_type(write_type(of)) == of


@given(_any_type)
def test_a_type_that_is_used_often_is_written_and_made_once(of: wit.WitType) -> None:
    functions = {f"f{number}": wit.Func((("x", of),), of) for number in range(50)}
    once, often = (
        write_type(ComponentType(instances={}, functions={}, interfaces={}, exports=dict(list(functions.items())[:n])))
        for n in (1, 50)
    )
    assert once.count(b'"types":') == often.count(b'"types":') == 1
    assert once.split(b'"types":')[1] == often.split(b'"types":')[1]
    results = {id(each.result) for each in read_type(often).exports.values()}
    assert len(results) == 1


def test_what_wasmtime_tells_is_written_and_read() -> None:
    component = compiled(
        """(component
          (import "host:all/kinds" (instance
            (export "thing" (type $thing (sub resource)))
            (export "use" (func (param "it" (borrow $thing)) (param "how" (tuple bool (list u8))) (result string)))))
          (import "log" (func (param "text" string))))"""
    )
    of = introspect(component.native)
    assert of.instances["host:all/kinds"].resources == ("thing",)
    assert read_type(write_type(of)) == of


@pytest.mark.parametrize("data", [b"", b"\xff", b"{"])
def test_what_is_no_json_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_type(data)


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b"[]",
        b"7",
        b'{"revision": 2, "types": []}',
        b'{"revision": 1, "types": [["map", 1]]}',
        b'{"revision": 1, "types": [["list", 0]]}',
        b'{"revision": 1, "types": [["list"]]}',
        b'{"revision": 1, "types": [], "instances": []}',
    ],
)
def test_what_another_release_wrote_is_an_error(data: bytes) -> None:
    with pytest.raises(LookupError):
        read_type(data)


def test_what_is_no_type_cannot_be_written() -> None:
    func = wit.Func((), wit.WitType())
    with pytest.raises(TypeError):
        write_type(ComponentType(instances={}, functions={}, interfaces={}, exports={"f": func}))
