"""``wasi:config/store``: settings and secrets that the author names; a secret that was read is hidden in the log."""

from __future__ import annotations

from wasm_plugins.runtime.contract import CONFIG_STORE
from wasm_plugins.runtime.state import CallState
from wasm_plugins.runtime.values import Err, Ok, Variant

from .fake_host import host_of
from .recorded import offer_recorded

_NOBODY_CALLS = Err(Variant("upstream", "not available while the manifest is read"))


def _get(state: CallState, key: str) -> Ok | Err:
    return _NOBODY_CALLS if state.host is None else Ok(_find(state, key))


def _get_all(state: CallState) -> Ok | Err:
    if state.host is None:
        return _NOBODY_CALLS
    host = host_of(state)
    return Ok([(key, _find(state, key)) for key in sorted({**host.config, **host.secrets})])


def _find(state: CallState, key: str) -> str | None:
    host = host_of(state)
    if key not in host.secrets:
        return host.config.get(key)
    state.log.redactor.hide(host.secrets[key])
    return host.secrets[key]


INTERFACE = offer_recorded(CONFIG_STORE, {"get": _get, "get-all": _get_all}, needs_caller=False)
