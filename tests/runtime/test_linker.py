"""A component is joined to what the host offers only if every import is offered with the same type."""

from __future__ import annotations

import pytest

from wasm_plugins.exceptions import CompileError, LinkError
from wasm_plugins.runtime import sandbox, wit
from wasm_plugins.runtime.linker import HostFunction, HostInterface, LinkedComponent

from .components import HOST, MANIFEST_SHAPE, VOID_CALLER, compiled, core_only, host, linked

NOTE = wit.Func((("number", wit.U32),))
WORLD_FUNCTION = '(component (import "shout" (func $shout (param "text" string))))'
TYPES_ONLY = f'(component (import "test:parts/types" (instance {MANIFEST_SHAPE})))'
WITH_RESOURCE = f'(component (import "{HOST}" (instance (export "thing" (type (sub resource))))))'
WITH_MODULE = '(component (import "m" (core module)))'
VERSIONED = VOID_CALLER.replace(HOST, f"{HOST}@1.2.3")


def test_an_interface_that_is_not_offered_is_named() -> None:
    with pytest.raises(LinkError) as caught:
        LinkedComponent(compiled(VOID_CALLER), {})
    assert caught.value.missing == HOST


def test_a_function_that_is_not_offered_is_named() -> None:
    with pytest.raises(LinkError) as caught:
        linked(VOID_CALLER, {"other": lambda _state: None})
    assert caught.value.missing == f"{HOST}#note"


@pytest.mark.parametrize(
    "offered",
    [wit.Func((("number", wit.U64),)), wit.Func(NOTE.params, wit.U32), wit.Func(), wit.Func(NOTE.params * 2)],
    ids=str,
)
def test_a_function_of_another_type_is_refused_with_both_types(offered: wit.Func) -> None:
    with pytest.raises(LinkError) as caught:
        LinkedComponent(compiled(VOID_CALLER), host({"note": lambda *_: None}, {"note": offered}))
    assert caught.value.missing == f"{HOST}#note"
    assert str(NOTE) in str(caught.value)
    assert str(offered) in str(caught.value)


def test_the_name_of_a_parameter_is_no_part_of_the_type() -> None:
    offered = wit.Func((("another-name", wit.U32),))
    LinkedComponent(compiled(VOID_CALLER), host({"note": lambda *_: None}, {"note": offered}))


def test_an_import_of_types_alone_needs_nothing() -> None:
    component = compiled(TYPES_ONLY)
    LinkedComponent(component, {})
    assert component.imports == ()
    assert component.instances["test:parts/types"].is_types_only


def test_a_function_of_the_world_itself_is_refused_by_name() -> None:
    with pytest.raises(LinkError) as caught:
        LinkedComponent(compiled(WORLD_FUNCTION), {})
    assert caught.value.missing == "shout"
    assert compiled(WORLD_FUNCTION).imports == ("shout",)


def test_a_resource_that_is_not_offered_is_named() -> None:
    with pytest.raises(LinkError) as caught:
        linked(WITH_RESOURCE)
    assert caught.value.missing == f"{HOST}#thing"


def test_a_core_module_as_an_import_is_refused() -> None:
    with pytest.raises(CompileError):
        compiled(WITH_MODULE)


def test_an_interface_matches_whatever_version_it_carries() -> None:
    seen = []
    component = linked(VERSIONED, {"note": lambda _state, number: seen.append(number)})
    sandbox.call(component, "run", [1])
    assert seen == [1]
    assert component.component.imports == (f"{HOST}@1.2.3",)


def test_what_is_offered_otherwise_fills_the_gaps() -> None:
    seen = []

    def otherwise(name: str, of: wit.Func) -> HostFunction:
        return HostFunction(lambda _state, _number: seen.append((name, of)))

    interfaces = {HOST: HostInterface(HOST, {}, otherwise=otherwise)}
    sandbox.call(LinkedComponent(compiled(VOID_CALLER), interfaces), "run", [1])
    assert seen == [("note", NOTE)]


def test_the_exports_of_a_component_are_known_with_their_types() -> None:
    component = compiled(core_only("(param i32)", params='(param "order-id" u32)', export="order-placed"))
    assert component.find_export("order-placed") == wit.Func((("order-id", wit.U32),))
    assert component.find_export("other") is None
    assert component.find_export("order-placed", "test:parts/none") is None
    with pytest.raises(LookupError):
        component.export_index("other")
