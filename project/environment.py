"""How the environment variables ``SHOP_…`` become Django settings, without a library for it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

CONNECTION_S: Final = 3_600
"""How long a connection to PostgreSQL is kept, in seconds, so that few requests wait for a new one."""


def text(name: str, default: str = "") -> str:
    """Return the variable ``SHOP_<name>``."""
    return os.environ.get(f"SHOP_{name}", default)


def is_set(name: str, *, default: bool) -> bool:
    """Read the variable ``SHOP_<name>`` as yes (``1``) or no (``0``)."""
    return text(name, "1" if default else "0") == "1"


def database(address: str, default_file: Path) -> dict[str, Any]:
    """Return the entry of ``DATABASES`` for an address.

    Args:
        address: ``postgresql://user:password@host:port/name``, or the path of an SQLite file, or nothing.
        default_file: The SQLite file to take when ``address`` is empty.

    Raises:
        ValueError: The address has another scheme than PostgreSQL's.
    """
    if "://" not in address:
        return sqlite(Path(address) if address else default_file)
    parts = urlsplit(address)
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError(f"SHOP_DATABASE: scheme {parts.scheme!r} is not one of: postgres, postgresql")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.removeprefix("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": CONNECTION_S,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"connect_timeout": 10},
    }


def sqlite(file: Path) -> dict[str, Any]:
    """Return the entry of ``DATABASES`` for an SQLite file that several processes write.

    ``IMMEDIATE`` takes the write lock at the beginning, where the timeout holds; the default takes it at the
    first write, where SQLite may answer "database is locked" at once.
    """
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(file),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }


def plugin_storage(default_folder: Path) -> dict[str, Any]:
    """Return the entry of ``STORAGES`` that holds plugins: the bucket if one is named, else a folder."""
    if not text("S3_BUCKET"):
        return {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(default_folder)},
        }
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": text("S3_BUCKET"),
            "endpoint_url": text("S3_ENDPOINT") or None,
            "access_key": text("S3_ACCESS_KEY") or None,
            "secret_key": text("S3_SECRET_KEY") or None,
            "region_name": text("S3_REGION", "us-east-1"),
            "addressing_style": text("S3_ADDRESSING", "path"),
            "file_overwrite": True,
        },
    }
