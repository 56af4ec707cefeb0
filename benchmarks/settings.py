"""Settings of the shop as measured: debugging off, SQLite as ``default``, and PostgreSQL where it could be started."""

from __future__ import annotations

import os

os.environ.setdefault("SHOP_DEBUG", "0")
os.environ.setdefault("SHOP_SECRET_KEY", "only-for-benchmarks")

from project import environment
from project.settings import *  # noqa: F403
from project.settings import BASE_DIR, DATA_DIR, LOGGING

DATABASES = {"default": environment.sqlite(DATA_DIR / "benchmark.sqlite3")}
if environment.text("POSTGRESQL"):
    DATABASES["postgresql"] = environment.database(environment.text("POSTGRESQL"), DATA_DIR)

WASM_PLUGINS_CACHE_DIR = BASE_DIR / "var" / "benchmarks" / "compiled"
# Looking into storage is work beside the calls; a cold start is measured with it, as projects have it.
WASM_PLUGINS_SYNC_INTERVAL_S = int(os.environ.get("BENCHMARK_SYNC_INTERVAL_S", "0"))
WASM_PLUGINS_HOOK_DEADLINE_MS = 60_000  # A slow machine is a slow measurement, and no error.

LOGGING["root"] = {"handlers": ["console"], "level": "WARNING"}

WASM_PLUGINS_KEPT_CALLS = 0  # The measurements are of production.
