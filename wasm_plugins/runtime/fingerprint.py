"""What compiled code depends on besides the component: change any of it and the cache must miss."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from .engine import CONFIG_REVISION

_CPU_INFO: Final = Path("/proc/cpuinfo")


@cache
def engine_fingerprint() -> str:
    """Return a short digest over wasmtime's version, the engine's settings and this processor's features."""
    facts = (version("wasmtime"), CONFIG_REVISION, platform.system(), platform.machine(), _cpu_features())
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def _cpu_features() -> str:
    """Return the processor's features: code compiled with one that is missing would crash."""
    try:
        lines = _CPU_INFO.read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.lower().startswith(("flags", "features"))), "")
