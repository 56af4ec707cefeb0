"""What is read of a component's types, and how much at most."""

from __future__ import annotations

import pytest
import wasmtime.component

from wasm_plugins.exceptions import CompileError
from wasm_plugins.runtime.component import Component
from wasm_plugins.runtime.engine import get_runtime

DOUBLINGS = 16


def compiled(wat: str) -> wasmtime.component.Component:
    return wasmtime.component.Component(get_runtime().engine, wat)


def test_types_that_double_at_each_level_are_refused_before_they_cost_much() -> None:
    types = "\n".join(f"(type $t{n + 1} (tuple $t{n} $t{n}))" for n in range(DOUBLINGS))
    bomb = compiled(f'(component (type $t0 u32) {types} (import "f" (func (param "x" $t{DOUBLINGS}))))')
    with pytest.raises(CompileError) as caught:
        Component(bomb)
    assert "20000" in caught.value.message


def test_an_import_that_is_a_module_is_refused() -> None:
    with pytest.raises(CompileError):
        Component(compiled('(component (import "m" (core module)))'))
