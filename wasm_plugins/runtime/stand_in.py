"""Stands in for a component in tests: the same exports and types, answered by Python functions instead of wasm."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ..exceptions import PluginError, PluginTrapped
from .crossing import receive, send
from .linker import LinkedComponent
from .state import CallState
from .values import Err, Ok, ValueMismatch
from .wit import Func, ResultOf

BACKTRACE_CHARS: Final = 4_096

Function = Callable[..., Any]
"""Takes the arguments as ``values`` describes them. Returns the answer, of a ``result`` the good side or ``Err``."""


class StandIn:
    """What ``sandbox.call`` calls in place of a component.

    Attributes:
        exports: Types of the functions by WIT name.
    """

    def __init__(self, exports: Mapping[str, Func], functions: Mapping[str, Function]) -> None:
        """Answer exports by the functions of the same names."""
        self.exports: Final = exports
        self._functions: Final = functions

    def find_export(self, name: str, interface: str | None = None) -> Func | None:
        """Return the type of a function of the world itself, or ``None``; there are no exported instances."""
        return self.exports.get(name) if interface is None else None

    def answer(self, export: str, args: Sequence[object], state: CallState) -> Any:
        """Answer one call that is open on this thread.

        A function cannot be interrupted: one that takes too long has run to its end when that is noticed.

        Raises:
            PluginTrapped: The function raised; what it raised is the cause.
            DeadlineExceeded: It took longer than the call may.
            LimitExceeded: The arguments or the answer weigh too much.
            ValueMismatch: An argument does not fit its type.
            TypeError: The answer does not, which no component could do: the test is wrong.
            PluginError: The function raised it, to play that failure.
            AssertionError: The function raised it: it is the test's.
        """
        of = self.exports[export]
        given = [send(param, value) for (_, param), value in zip(of.params, args, strict=True)]
        said = self._run(export, given)
        state.check_deadline()
        state.crossing = "result_bytes"
        if of.result is None:
            return None
        if isinstance(of.result, ResultOf) and not isinstance(said, Ok | Err):
            said = Ok(said)
        try:
            return receive(of.result, said)
        except ValueMismatch as error:
            raise TypeError(f"what stands in for {export} must answer {of.result}: {error}") from error

    def _run(self, export: str, given: Sequence[object]) -> Any:
        try:
            return self._functions[export](*given)
        except (PluginError, AssertionError):
            raise
        except Exception as error:
            shown = "".join(traceback.format_exception(error))[-BACKTRACE_CHARS:]
            message = f"{export} raised {type(error).__name__}: {error}"
            raise PluginTrapped(message, export=export, backtrace=shown) from error


Callee = LinkedComponent | StandIn
"""Whatever ``sandbox.call`` can call."""
