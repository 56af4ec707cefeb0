"""Turns the types that wasmtime reports of a component into WIT types of ours."""

from __future__ import annotations

from wasmtime import component as wc

from . import wit

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


def func_of(reported: wc.FuncType) -> wit.Func:
    """Return the type of a function."""
    params = tuple((name, type_of(of)) for name, of in reported.params)
    return wit.Func(params, _optional(reported.result))


def _optional(reported: wc.ValType | None) -> wit.WitType | None:
    return None if reported is None else type_of(reported)


def type_of(reported: wc.ValType) -> wit.WitType:
    """Return the type of a value, with everything that it is made of."""
    if (primitive := _PRIMITIVES.get(type(reported))) is not None:
        return primitive
    match reported:
        case wc.ListType():
            return wit.ListOf(type_of(reported.element))
        case wc.OptionType():
            return wit.OptionOf(type_of(reported.payload))
        case wc.ResultType():
            return wit.ResultOf(_optional(reported.ok), _optional(reported.err))
        case wc.TupleType():
            return wit.TupleOf(tuple(type_of(element) for element in reported.elements))
        case wc.RecordType():
            return wit.RecordOf(tuple((name, type_of(of)) for name, of in reported.fields))
        case wc.VariantType():
            return wit.VariantOf(tuple((name, _optional(of)) for name, of in reported.cases))
        case wc.EnumType():
            return wit.EnumOf(tuple(reported.names))
        case wc.FlagsType():
            return wit.FlagsOf(tuple(reported.names))
        case wc.OwnType() | wc.BorrowType():
            return wit.Handle(owned=isinstance(reported, wc.OwnType))
    return wit.Unsupported(type(reported).__name__.removesuffix("Type").lower())
