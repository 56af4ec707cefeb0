"""``wasi:keyvalue``: buckets that a plugin holds handles of, over whatever keeps the values for the host."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, Final, ParamSpec, Protocol

from ..handles import HostResource
from ..limits import Limits
from ..linker import HostFunction, HostInterface
from ..state import CallState
from ..values import Err, Ok, Variant
from ..wit import BOOL, S64, STRING, U8, ListOf, OptionOf, RecordOf, ResultOf, VariantOf, WitType
from .resources import BORROW, OWN, expect, signature

STORE: Final = "wasi:keyvalue/store"
ATOMICS: Final = "wasi:keyvalue/atomics"

PAGE_KEYS: Final = 500
"""Keys that one call of ``list-keys`` answers at most."""

_BYTES: Final = ListOf(U8)
_ERROR: Final = VariantOf((("no-such-store", None), ("access-denied", None), ("other", STRING)))
_KEYS: Final = RecordOf((("keys", ListOf(STRING)), ("cursor", OptionOf(STRING))))
_NUMBER: Final = re.compile(rb"-?[0-9]{1,19}")
_S64: Final = range(-(2**63), 2**63)

_Args = ParamSpec("_Args")
Change = Callable[[bytes | None], bytes | None]
"""Makes a new value of the old one; ``None`` is no value."""


class KeyValueFailed(Exception):
    """There is no answer; the case of the WIT variant ``error``, and the text of ``other``."""

    def __init__(self, case: str, text: str | None = None) -> None:
        self.case: Final = case
        self.text: Final = text
        super().__init__(text or case)


class Store(Protocol):
    """What keeps the values of the plugin that a call is of. Keys and values are within their limits."""

    def opens(self, state: CallState, bucket: str) -> bool:
        """Tell whether the plugin may open a bucket."""
        ...

    def get(self, state: CallState, bucket: str, key: str) -> bytes | None:
        """Return a value."""
        ...

    def exists(self, state: CallState, bucket: str, key: str) -> bool:
        """Tell whether there is one."""
        ...

    def keys(self, state: CallState, bucket: str, after: str | None, most: int) -> list[str]:
        """Return keys in an order of the store's own, those after one of them."""
        ...

    def put(self, state: CallState, bucket: str, key: str, value: bytes | None) -> None:
        """Keep a value, or none, unless it is more than ``Usage.after`` allows."""
        ...

    def change(self, state: CallState, bucket: str, key: str, change: Change) -> None:
        """The same with a value that is made of the old one, and nobody comes between."""
        ...


@dataclass(frozen=True, slots=True)
class Usage:
    """How much a plugin keeps."""

    keys: int = 0
    size_bytes: int = 0
    """Of keys and values."""

    def after(self, old_bytes: int | None, new_bytes: int | None, limits: Limits) -> Usage:
        """Return what it will be once an entry has another size; ``None`` is no entry. Less is always allowed.

        Raises:
            KeyValueFailed: It would be more than a limit.
        """
        keys = self.keys + (new_bytes is not None) - (old_bytes is not None)
        size_bytes = max(0, self.size_bytes + (new_bytes or 0) - (old_bytes or 0))
        if keys > max(self.keys, limits.keyvalue_keys):
            raise KeyValueFailed("other", f"{keys} keys; the limit keyvalue_keys is {limits.keyvalue_keys}")
        if size_bytes > max(self.size_bytes, limits.keyvalue_bytes):
            raise KeyValueFailed("other", f"{size_bytes} bytes; the limit keyvalue_bytes is {limits.keyvalue_bytes}")
        return Usage(max(0, keys), size_bytes)


def entry_bytes(key: str, value: bytes) -> int:
    """Return what an entry counts for."""
    return len(key.encode()) + len(value)


class Bucket(HostResource):
    """A bucket that was opened."""

    resource = f"{STORE}/bucket"

    def __init__(self, name: str) -> None:
        """Belong to whoever opened it."""
        self.name: Final = name


def keyvalue_interfaces(store: Store) -> tuple[HostInterface, HostInterface]:
    """Return the interfaces by which plugins keep values in ``store``."""

    @_answering
    def open_(state: CallState, identifier: str) -> Bucket:
        if not store.opens(state, identifier):
            raise KeyValueFailed("no-such-store")
        return Bucket(identifier)

    @_of_bucket
    def get(state: CallState, bucket: str, key: str) -> bytes | None:
        return store.get(state, bucket, _checked(state, key))

    @_of_bucket
    def put(state: CallState, bucket: str, key: str, value: bytes) -> None:
        store.put(state, bucket, _checked(state, key), _fitting(state, bytes(value)))

    @_of_bucket
    def delete(state: CallState, bucket: str, key: str) -> None:
        store.put(state, bucket, _checked(state, key), None)

    @_of_bucket
    def exists(state: CallState, bucket: str, key: str) -> bool:
        return store.exists(state, bucket, _checked(state, key))

    @_of_bucket
    def list_keys(state: CallState, bucket: str, cursor: str | None) -> dict[str, Any]:
        found = store.keys(state, bucket, None if cursor is None else _checked(state, cursor), PAGE_KEYS + 1)
        page = found[:PAGE_KEYS]
        return {"keys": page, "cursor": page[-1] if len(found) > PAGE_KEYS else None}

    @_of_bucket
    def increment(state: CallState, bucket: str, key: str, delta: int) -> int:
        total = 0

        def add(old: bytes | None) -> bytes:
            nonlocal total
            total = _sum(old, delta)
            return _fitting(state, str(total).encode())

        store.change(state, bucket, _checked(state, key), add)
        return total

    methods = {
        "get": _method(get, OptionOf(_BYTES), key=STRING),
        "set": _method(put, None, key=STRING, value=_BYTES),
        "delete": _method(delete, None, key=STRING),
        "exists": _method(exists, BOOL, key=STRING),
        "list-keys": _method(list_keys, _KEYS, cursor=OptionOf(STRING)),
    }
    opening = HostFunction(open_, signature(ResultOf(OWN, _ERROR), identifier=STRING))
    named = {f"[method]bucket.{name}": function for name, function in methods.items()}
    adding = HostFunction(increment, signature(ResultOf(S64, _ERROR), bucket=BORROW, key=STRING, delta=S64))
    buckets = {"bucket": Bucket.resource}
    return (
        HostInterface(STORE, {"open": opening, **named}, buckets),
        HostInterface(ATOMICS, {"increment": adding}, buckets),
    )


def _answering(
    function: Callable[Concatenate[CallState, _Args], object],
) -> Callable[Concatenate[CallState, _Args], Ok | Err]:
    """Answer what went wrong as the interface says it; where nobody calls there is no store."""

    def answer(state: CallState, /, *args: _Args.args, **kwargs: _Args.kwargs) -> Ok | Err:
        try:
            if state.host is None:
                raise KeyValueFailed("access-denied")
            return Ok(function(state, *args, **kwargs))
        except KeyValueFailed as failed:
            return Err(Variant(failed.case, failed.text))

    return answer


def _of_bucket(
    function: Callable[Concatenate[CallState, str, _Args], object],
) -> Callable[Concatenate[CallState, HostResource, _Args], Ok | Err]:
    """Take a handle where the function takes the bucket's name."""

    def call(state: CallState, thing: HostResource, /, *args: _Args.args, **kwargs: _Args.kwargs) -> object:
        return function(state, expect(state, thing, Bucket).name, *args, **kwargs)

    return _answering(call)


def _method(call: Callable[..., object], result: WitType | None, **params: WitType) -> HostFunction:
    return HostFunction(call, signature(ResultOf(result, _ERROR), self=BORROW, **params))


def _checked(state: CallState, key: str) -> str:
    limit, size = state.limits.keyvalue_key_bytes, len(key.encode())
    if not 1 <= size <= limit:
        raise KeyValueFailed("other", f"a key has {size} bytes; the limit keyvalue_key_bytes is {limit}, the least 1")
    if "\0" in key:
        raise KeyValueFailed("other", "a key holds NUL")
    return key


def _fitting(state: CallState, value: bytes) -> bytes:
    limit = state.limits.keyvalue_value_bytes
    if len(value) > limit:
        text = f"a value has {len(value)} bytes; the limit keyvalue_value_bytes is {limit}"
        raise KeyValueFailed("other", text)
    return value


def _sum(old: bytes | None, delta: int) -> int:
    if old is not None and _NUMBER.fullmatch(old) is None:
        raise KeyValueFailed("other", "the value is no number in decimal digits")
    total = int(old or 0) + delta
    if total not in _S64:
        raise KeyValueFailed("other", "the sum is no number that an s64 holds")
    return total
