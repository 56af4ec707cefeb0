"""The shop's settings on the tests' servers: PostgreSQL as ``default``, an SQLite file as ``sqlite``."""

from __future__ import annotations

import os
from typing import Any

from tests.real_parts import PARTS, SIDE

os.environ["SHOP_DATA"] = str(PARTS.folder / "data")
os.environ["SHOP_DATABASE"] = PARTS.postgresql.url
os.environ["SHOP_REDIS_URL"] = PARTS.redis.url

from project import environment
from project.settings import *  # noqa: F403
from project.settings import BASE_DIR, DATA_DIR

ROOT_URLCONF = "tests.urls"
DEBUG = False
SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def _tested(entry: dict[str, Any], name: str) -> dict[str, Any]:
    """Name the database that tests run on; a child process of a test opens that one at once."""
    child = {} if PARTS.is_owner else {"NAME": name}
    return {**entry, **child, "CONN_MAX_AGE": 0, "TEST": {"NAME": name}}


DATABASES = {
    "default": _tested(environment.database(PARTS.postgresql.url, DATA_DIR), "test_shop"),
    "sqlite": _tested(environment.sqlite(DATA_DIR / "shop.sqlite3"), str(DATA_DIR / "test_shop.sqlite3")),
}

# Compiled components are kept between runs: the largest takes eight seconds. Who died of one is noted beside it.
WASM_PLUGINS_CACHE_DIR = BASE_DIR / "var" / f"compiled{SIDE and f'-{SIDE}'}"
WASM_PLUGINS_SYNC_INTERVAL_S = 0
WASM_PLUGINS_PROCESS_REPORT_S = 0  # which tests that count queries would count
WASM_PLUGINS_KEPT_CALLS = 0
