"""Makes a host interface out of Python functions and the types of the contract."""

from __future__ import annotations

from collections.abc import Mapping

from .contract import HOST_TYPES
from .guard import HostCallable
from .linker import HostFunction, HostInterface
from .state import CallState
from .values import Err


def offer(name: str, functions: Mapping[str, HostCallable], *, needs_caller: bool = True) -> HostInterface:
    """Return the interface of a name with its functions; all that the contract has must be there.

    Args:
        name: Package and interface, as in ``wit/``.
        functions: What to run, by WIT name.
        needs_caller: Answer ``err`` where nobody calls, which is while the manifest is asked for.

    Raises:
        ValueError: The functions are not those of the contract.
    """
    types = HOST_TYPES[name]
    if types.keys() != functions.keys():
        raise ValueError(f"{name}: offered {sorted(functions)}, promised {sorted(types)}")
    offered = {
        function: HostFunction(_for_callers(call) if needs_caller else call, types[function])
        for function, call in functions.items()
    }
    return HostInterface(name, offered)


def _for_callers(function: HostCallable) -> HostCallable:
    def answer(state: CallState, *args: object) -> object:
        if state.host is None:
            return Err("not available while the manifest is read")
        return function(state, *args)

    return answer
