"""Lets the fake host remember what a plugin asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from wasm_plugins.runtime.guard import HostCallable
from wasm_plugins.runtime.handles import HostResource
from wasm_plugins.runtime.json_values import to_json
from wasm_plugins.runtime.linker import HostInterface
from wasm_plugins.runtime.offer import offer
from wasm_plugins.runtime.state import CallState
from wasm_plugins.runtime.values import Err, Ok, Variant
from wasm_plugins.runtime.wasi.keyvalue import Bucket

from .fake_host import FakeHost

_SHOWN_CHARS: Final = 200


def offer_recorded(name: str, functions: Mapping[str, HostCallable], *, needs_caller: bool = True) -> HostInterface:
    """Return an interface as the host's ``offer`` makes it, which remembers each call on the ``FakeHost``."""
    return recording(offer(name, functions, needs_caller=needs_caller))


def recording(interface: HostInterface) -> HostInterface:
    """Return the same interface, which remembers each call on the ``FakeHost``."""
    recorded = {
        function: replace(each, call=_recording(f"{interface.name}#{function}", each.call))
        for function, each in interface.functions.items()
    }
    return replace(interface, functions=recorded)


def _recording(name: str, call: HostCallable) -> HostCallable:
    def answer(state: CallState, *args: object) -> object:
        found = call(state, *args)
        if isinstance(state.host, FakeHost):
            state.host.remember(name, tuple(map(_plain, args)), _shown(found))
        return found

    return answer


def _plain(argument: object) -> object:
    """Return an argument as it can be shown: of a handle what it is of, of bytes the text, or how many they are."""
    if isinstance(argument, HostResource):
        return argument.name if isinstance(argument, Bucket) else argument.resource
    if not isinstance(argument, bytes):
        return argument
    try:
        return argument[:_SHOWN_CHARS].decode()
    except UnicodeDecodeError:
        return f"{len(argument)} bytes"


def _shown(answer: object) -> str:
    if isinstance(answer, Ok):
        text = "ok" if answer.value is None else f"ok: {_as_json(answer.value)}"
    elif isinstance(answer, Err):
        text = "err" if answer.value is None else f"err: {_as_json(answer.value)}"
    else:
        text = "" if answer is None else _as_json(answer)
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"


def _as_json(value: object) -> str:
    """Return a value as the report shows arguments, whatever it holds inside."""
    return json.dumps(value, ensure_ascii=False, default=_said)


def _said(value: object) -> object:
    """Return what stands for a value that JSON does not have; what it holds comes here in its turn."""
    if isinstance(value, Variant):
        return value.case if value.payload is None else {value.case: value.payload}
    if isinstance(value, HostResource | bytes):
        return _plain(value)
    plain = to_json(value)
    return repr(value) if plain is value else plain
