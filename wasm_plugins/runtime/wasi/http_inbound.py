"""The resources of ``wasi:http`` that serve requests: no plugin ever gets one, since routes are how it is called.

Toolchains that import ``wasi:http/types`` whole import them too, so they must be there. Each is listed, with its type,
so that what the standard does not have is refused when a component is verified.
"""

from __future__ import annotations

from typing import Final

from ...exceptions import PluginTrapped
from ..linker import HostFunction
from ..state import CallState
from ..wit import STRING, U16, Func, OptionOf, ResultOf
from .http_types import ERROR_CODE, METHOD, SCHEME
from .resources import BORROW, OWN, signature

_TYPES: Final = {
    "[method]incoming-request.method": signature(METHOD, self=BORROW),
    "[method]incoming-request.path-with-query": signature(OptionOf(STRING), self=BORROW),
    "[method]incoming-request.scheme": signature(OptionOf(SCHEME), self=BORROW),
    "[method]incoming-request.authority": signature(OptionOf(STRING), self=BORROW),
    "[method]incoming-request.headers": signature(OWN, self=BORROW),
    "[method]incoming-request.consume": signature(ResultOf(OWN), self=BORROW),
    "[constructor]outgoing-response": signature(OWN, headers=OWN),
    "[method]outgoing-response.status-code": signature(U16, self=BORROW),
    "[method]outgoing-response.set-status-code": signature(ResultOf(), self=BORROW, value=U16),
    "[method]outgoing-response.headers": signature(OWN, self=BORROW),
    "[method]outgoing-response.body": signature(ResultOf(OWN), self=BORROW),
    "[static]response-outparam.set": signature(param=OWN, response=ResultOf(OWN, ERROR_CODE)),
}


def _refused(name: str, of: Func) -> HostFunction:
    def trap(state: CallState, *_args: object) -> None:
        raise PluginTrapped(
            f"{state.export} called {name}: this host calls plugins through their routes", export=state.export
        )

    return HostFunction(trap, of)


FUNCTIONS: Final = {name: _refused(name, of) for name, of in _TYPES.items()}
