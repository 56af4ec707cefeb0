"""How long the tests that get better with time take: some seconds, or as many times that as the environment says."""

from __future__ import annotations

import os

FACTOR = max(1, int(os.environ.get("WASM_PLUGINS_SOAK_FACTOR", "1")))
"""Multiplies loop counts and durations."""
