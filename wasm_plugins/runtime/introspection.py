"""What wasmtime tells of a component's imports and exports, as types of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import wasmtime
from wasmtime import component as wc

from ..exceptions import CompileError
from . import wit
from .component_type import ComponentType, Interface
from .engine import get_runtime

MOST_TYPES: Final = 20_000
"""Parts that all types of a component may have together. A Python plugin with all of WASI has a tenth of that."""

_PRIMITIVES: dict[type, wit.Primitive] = {
    wc.Bool: wit.BOOL,
    wc.S8: wit.S8,
    wc.S16: wit.S16,
    wc.S32: wit.S32,
    wc.S64: wit.S64,
    wc.U8: wit.U8,
    wc.U16: wit.U16,
    wc.U32: wit.U32,
    wc.U64: wit.U64,
    wc.F32: wit.F32,
    wc.F64: wit.F64,
    wc.Char: wit.CHAR,
    wc.String: wit.STRING,
}


def introspect(native: wc.Component) -> ComponentType:
    """Return the type of a compiled component.

    Raises:
        CompileError: There is something among its imports or exports that no plugin can have, or its types have too
            many parts.
    """
    reported, engine = native.type, get_runtime().engine
    reader = Introspection(engine)
    instances, functions = reader.externs(reported.imports(engine))
    interfaces, exports = reader.externs(reported.exports(engine))
    return ComponentType(instances=instances, functions=functions, interfaces=interfaces, exports=exports)


class Introspection:
    """Reads the types of one component, as long as they are no more than any honest plugin has.

    A component of a kilobyte can have types of a million parts, since each may name another one twice.
    """

    def __init__(self, engine: wasmtime.Engine) -> None:
        self._engine: Final = engine
        self._left = MOST_TYPES

    def externs(self, reported: Mapping[str, Any]) -> tuple[dict[str, Interface], dict[str, wit.Func]]:
        """Return the instances and the functions among a component's imports or exports.

        Raises:
            CompileError: There is something else among them, or the types have too many parts.
        """
        instances: dict[str, Interface] = {}
        functions: dict[str, wit.Func] = {}
        for name, extern in reported.items():
            item = _item(extern)
            if isinstance(item, wc.ComponentInstanceType):
                instances[name] = self._interface(item)
            elif isinstance(item, wc.FuncType):
                functions[name] = self.func(item)
            elif not isinstance(item, (wc.ValType, wc.ResourceType)):
                raise CompileError(f"{name} is a {type(item).__name__}, which no plugin can import or export")
        return instances, functions

    def _interface(self, reported: wc.ComponentInstanceType) -> Interface:
        functions: dict[str, wit.Func] = {}
        resources = []
        for name, extern in reported.exports(self._engine).items():
            item = _item(extern)
            if isinstance(item, wc.FuncType):
                functions[name] = self.func(item)
            elif isinstance(item, wc.ResourceType):
                resources.append(name)
        return Interface(functions, tuple(resources))

    def func(self, reported: wc.FuncType) -> wit.Func:
        """Return the type of a function.

        Raises:
            CompileError: The component's types have too many parts.
        """
        params = tuple((name, self.type(of)) for name, of in reported.params)
        return wit.Func(params, self._optional(reported.result))

    def _optional(self, reported: wc.ValType | None) -> wit.WitType | None:
        return None if reported is None else self.type(reported)

    def type(self, reported: wc.ValType) -> wit.WitType:
        """Return the type of a value, with everything that it is made of.

        Raises:
            CompileError: The component's types have too many parts.
        """
        self._left -= 1
        if self._left < 0:
            raise CompileError(f"its types have more parts than the limit of {MOST_TYPES}")
        primitive = _PRIMITIVES.get(type(reported))
        return self._compound(reported) if primitive is None else primitive

    def _compound(self, reported: wc.ValType) -> wit.WitType:
        match reported:
            case wc.ListType():
                return wit.ListOf(self.type(reported.element))
            case wc.OptionType():
                return wit.OptionOf(self.type(reported.payload))
            case wc.ResultType():
                return wit.ResultOf(self._optional(reported.ok), self._optional(reported.err))
            case wc.TupleType():
                return wit.TupleOf(tuple(self.type(element) for element in reported.elements))
            case wc.RecordType():
                return wit.RecordOf(tuple((name, self.type(of)) for name, of in reported.fields))
            case wc.VariantType():
                return wit.VariantOf(tuple((name, self._optional(of)) for name, of in reported.cases))
            case wc.EnumType():
                return wit.EnumOf(tuple(reported.names))
            case wc.FlagsType():
                return wit.FlagsOf(tuple(reported.names))
            case wc.OwnType() | wc.BorrowType():
                return wit.Handle(owned=isinstance(reported, wc.OwnType))
        return wit.Unsupported(type(reported).__name__.removesuffix("Type").lower())


def _item(extern: Any) -> Any:
    """Return what an import or export is; since wasmtime 49 it comes wrapped."""
    return getattr(extern, "ty", extern)
