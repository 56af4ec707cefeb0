"""``wasi:config/store``: settings and secrets from a file of the author's."""

from __future__ import annotations

from wasm_plugins.runtime.contract import CONFIG_STORE
from wasm_plugins.runtime.state import CallState
from wasm_plugins.runtime.values import Err, Ok, Variant

from .fake_host import host_of
from .recorded import offer_recorded

_NOBODY_CALLS = Err(Variant("upstream", "not available while the manifest is read"))


def _get(state: CallState, key: str) -> Ok | Err:
    return _NOBODY_CALLS if state.host is None else Ok(host_of(state).config.get(key))


def _get_all(state: CallState) -> Ok | Err:
    return _NOBODY_CALLS if state.host is None else Ok(list(host_of(state).config.items()))


INTERFACE = offer_recorded(CONFIG_STORE, {"get": _get, "get-all": _get_all}, needs_caller=False)
