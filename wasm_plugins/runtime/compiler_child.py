"""The child process that compiles one component from its standard input; started by ``compiler``, never imported."""

from __future__ import annotations

import errno
import json
import os
import resource
import sys
from typing import Any


def bound(limits: dict[str, int]) -> None:
    """Let the kernel end this process when it takes more than it may."""
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_s"], limits["cpu_s"] + 2))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits["artifact_bytes"], limits["artifact_bytes"]))
    resource.setrlimit(resource.RLIMIT_AS, (limits["memory_bytes"], limits["memory_bytes"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(order: dict[str, Any]) -> int:
    """Compile standard input into the order's target and return the exit status."""
    sys.path[:] = order["path"]
    from wasmtime import Engine, WasmtimeError
    from wasmtime.component import Component

    from wasm_plugins.runtime.compiler import NO_ROOM, OUT_OF_MEMORY, REFUSED, TOO_LARGE
    from wasm_plugins.runtime.engine import make_config

    data = sys.stdin.buffer.read()
    bound(order["limits"])
    try:
        code = Component(Engine(make_config(parallel_compilation=True)), data).serialize()
    except WasmtimeError as error:
        print(error)  # noqa: T201 - the parent reads it
        return REFUSED
    except MemoryError:
        return OUT_OF_MEMORY
    if not order["target"]:
        if len(code) > order["limits"]["artifact_bytes"]:
            return TOO_LARGE
        sys.stdout.buffer.write(code)
        return 0
    try:
        with open(order["target"], "xb") as target:
            target.write(code)
            target.flush()
            os.fsync(target.fileno())
    except OSError as error:
        if error.errno == errno.EFBIG:
            return TOO_LARGE  # CPython ignores the signal that would have ended us
        print(error)  # noqa: T201 - the parent reads it
        return NO_ROOM
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
