"""The environment of the programs that the kit starts: the author's own, without what is for the server alone."""

from __future__ import annotations

import os
from collections.abc import Mapping

from wasm_plugins.kit.token import VARIABLE


def child_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment for a compiler or for tests: code of many others runs there, and needs no token."""
    return {name: value for name, value in {**os.environ, **(more or {})}.items() if name != VARIABLE}
