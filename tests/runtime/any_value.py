"""Makes WIT types at random, and values of them, for the property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from wasm_plugins.runtime import wit
from wasm_plugins.runtime.values import Err, Ok, Some, Variant, is_nested_option

BOUNDS = {
    wit.S8: (-(2**7), 2**7 - 1),
    wit.S16: (-(2**15), 2**15 - 1),
    wit.S32: (-(2**31), 2**31 - 1),
    wit.S64: (-(2**63), 2**63 - 1),
    wit.U8: (0, 2**8 - 1),
    wit.U16: (0, 2**16 - 1),
    wit.U32: (0, 2**32 - 1),
    wit.U64: (0, 2**64 - 1),
}
"""Least and greatest value of each integer type."""

_PRIMITIVES = (*BOUNDS, wit.BOOL, wit.F32, wit.F64, wit.CHAR, wit.STRING)
_labels = st.from_regex(r"[a-z][a-z0-9]{0,5}(-[a-z][a-z0-9]{0,3})?", fullmatch=True)
_label_sets = st.lists(_labels, min_size=1, max_size=4, unique=True).map(tuple)


def _named(payload: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[tuple[str, Any], ...]]:
    pairs = st.tuples(_labels, payload)
    return st.lists(pairs, min_size=1, max_size=4, unique_by=lambda pair: pair[0]).map(tuple)


def _with_parts(inner: st.SearchStrategy[wit.WitType]) -> st.SearchStrategy[wit.WitType]:
    perhaps = st.none() | inner
    return st.one_of(
        inner.map(wit.ListOf),
        inner.map(wit.OptionOf),
        st.builds(wit.ResultOf, perhaps, perhaps),
        st.lists(inner, min_size=1, max_size=4).map(lambda types: wit.TupleOf(tuple(types))),
        _named(inner).map(wit.RecordOf),
        _named(perhaps).map(wit.VariantOf),
    )


types = st.recursive(
    st.sampled_from(_PRIMITIVES) | _label_sets.map(wit.EnumOf) | _label_sets.map(wit.FlagsOf),
    _with_parts,
    max_leaves=6,
)
"""WIT types, a few levels deep."""


def values_of(of: wit.WitType | None) -> st.SearchStrategy[Any]:
    """Return a strategy for the Python values of a type."""
    match of:
        case None:
            return st.none()
        case wit.Primitive():
            return _primitives(of)
        case wit.ListOf(element):
            return st.binary(max_size=9) if element == wit.U8 else st.lists(values_of(element), max_size=3)
        case wit.TupleOf(types_):
            return st.tuples(*map(values_of, types_))
        case wit.RecordOf(fields):
            return st.fixed_dictionaries({name: values_of(field) for name, field in fields})
        case wit.OptionOf(some):
            inner = values_of(some)
            return st.none() | (inner.map(Some) if is_nested_option(of) else inner)
        case wit.ResultOf(ok, err):
            return st.builds(Ok, values_of(ok)) | st.builds(Err, values_of(err))
        case wit.VariantOf(cases):
            return st.one_of(*(st.builds(Variant, st.just(name), values_of(payload)) for name, payload in cases))
        case wit.EnumOf(names):
            return st.sampled_from(names)
        case wit.FlagsOf(names):
            return st.frozensets(st.sampled_from(names))
    raise AssertionError(of)


def _primitives(of: wit.Primitive) -> st.SearchStrategy[Any]:
    if of in BOUNDS:
        least, most = BOUNDS[of]
        return st.integers(least, most)
    if of in (wit.F32, wit.F64):
        return st.floats(width=32 if of == wit.F32 else 64, allow_nan=False)
    if of == wit.BOOL:
        return st.booleans()
    return st.characters(codec="utf-8") if of == wit.CHAR else st.text(st.characters(codec="utf-8"), max_size=9)
