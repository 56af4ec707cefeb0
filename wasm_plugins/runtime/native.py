"""The functions of wasmtime's C API that move values, declared to take plain addresses.

They are part of the stable C API (``wasmtime/component/val.h``, ``func.h``, ``linker.h``); the binding declares them
too, with pointer types that cost more to build than the calls themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import CDLL, POINTER, PyDLL, c_bool, c_char_p, c_size_t, c_uint32, c_void_p, cast
from typing import Any, Final

from wasmtime import WasmtimeError
from wasmtime import _ffi as ffi

_LETS_OTHERS_IN: Final = ffi.dll
_LETS_NOBODY_IN: Final = PyDLL(ffi.dll._name)


def _declare(name: str, result: Any, *arguments: Any, library: CDLL = _LETS_OTHERS_IN) -> Callable[..., Any]:
    function = library[name]  # indexing makes a new object, so the binding's own declaration stays as it is
    function.restype = result
    function.argtypes = arguments
    return function


def _declare_short(name: str, result: Any, *arguments: Any) -> Callable[..., Any]:
    """Declare a function that is over at once and calls nobody: other Python threads need not be let in for it.

    Where threads are busy, whoever lets them in waits for its turn again, and a ticker that is late has many ticks
    to make (measured with 32 busy threads: deadlines of 0.2 s were noticed after 0.8 to 3.7 s, now after 0.3 to 1.7).
    """
    return _declare(name, result, *arguments, library=_LETS_NOBODY_IN)


increment_epoch: Final = _declare_short("wasmtime_engine_increment_epoch", None, c_void_p)
"""Move the epoch of the engine at an address by one tick."""

name_new: Final = _declare_short("wasm_byte_vec_new", None, c_void_p, c_size_t, c_char_p)
"""Copy ``size`` bytes into memory of wasmtime's and write size and address at the first argument."""

list_new: Final = _declare_short("wasmtime_component_vallist_new_uninit", None, c_void_p, c_size_t)
record_new: Final = _declare_short("wasmtime_component_valrecord_new_uninit", None, c_void_p, c_size_t)
flags_new: Final = _declare_short("wasmtime_component_valflags_new_uninit", None, c_void_p, c_size_t)
"""Allocate ``size`` items and write size and address at the first argument."""

value_new: Final = _declare_short("wasmtime_component_val_new", c_void_p, c_void_p)
"""Move the value at an address into a box and return the box's address."""

value_delete: Final = _declare("wasmtime_component_val_delete", None, c_void_p)
"""Free all that the value at an address owns."""

store_delete: Final = _declare("wasmtime_store_delete", None, c_void_p)
"""Free a store and all that lives in it."""

function_call: Final = _declare(
    "wasmtime_component_func_call", c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_size_t
)
"""Call; return the address of an error or nothing."""

add_function: Final = _declare(
    "wasmtime_component_linker_instance_add_func",
    c_void_p,
    c_void_p,
    c_char_p,
    c_size_t,
    c_void_p,
    c_void_p,
    c_void_p,
)
"""Define a host function by name, callback, key and finalizer; return the address of an error or nothing."""

add_resource: Final = _declare(
    "wasmtime_component_linker_instance_add_resource",
    c_void_p,
    c_void_p,
    c_char_p,
    c_size_t,
    c_void_p,
    c_void_p,
    c_void_p,
    c_void_p,
)
"""Define a resource by name, type, what to call on a drop, key and finalizer; return the same."""

epoch_callback: Final = _declare("wasmtime_store_epoch_deadline_callback", None, c_void_p, c_void_p, c_void_p, c_void_p)
"""Have a store ask, whenever its turn is over, whether it may go on: store, callback, its data, and finalizer."""

error_new: Final = _declare_short("wasmtime_error_new", c_void_p, c_char_p)
"""Make an error with a text and return its address."""

resource_new: Final = _declare("wasmtime_component_resource_host_new", c_void_p, c_bool, c_uint32, c_uint32)
resource_delete: Final = _declare("wasmtime_component_resource_host_delete", None, c_void_p)
resource_rep: Final = _declare("wasmtime_component_resource_host_rep", c_uint32, c_void_p)
resource_is_owned: Final = _declare("wasmtime_component_resource_host_owned", c_bool, c_void_p)
resource_to_any: Final = _declare("wasmtime_component_resource_host_to_any", c_void_p, c_void_p, c_void_p, c_void_p)
resource_from_any: Final = _declare("wasmtime_component_resource_any_to_host", c_void_p, c_void_p, c_void_p, c_void_p)
"""Turn a host's resource into a handle and back; return the address of an error or nothing."""

_ERROR = POINTER(ffi.wasmtime_error_t)


def raise_if(error: int | None) -> None:
    """Raise the error at an address, if there is one.

    Raises:
        WasmtimeError: With wasmtime's own text.
    """
    if error:
        raise WasmtimeError._from_ptr(cast(error, _ERROR))
