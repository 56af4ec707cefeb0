"""Tests of how ``SHOP_…`` variables become settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from project import environment


def test_without_an_address_the_database_is_the_default_file(tmp_path: Path) -> None:
    entry = environment.database("", tmp_path / "default.sqlite3")
    assert entry["ENGINE"] == "django.db.backends.sqlite3"
    assert entry["NAME"] == str(tmp_path / "default.sqlite3")
    assert entry["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def test_a_path_is_an_sqlite_file(tmp_path: Path) -> None:
    assert environment.database(str(tmp_path / "other"), tmp_path / "default")["NAME"] == str(tmp_path / "other")


def test_a_postgresql_address_is_taken_apart_and_unquoted(tmp_path: Path) -> None:
    entry = environment.database("postgresql://us%40er:p%3Aw@db.example.org:5433/shop", tmp_path / "default")
    assert entry["ENGINE"] == "django.db.backends.postgresql"
    named = {key: entry[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    assert named == {
        "NAME": "shop",
        "USER": "us@er",
        "PASSWORD": "p:w",
        "HOST": "db.example.org",
        "PORT": "5433",
    }
    assert (entry["CONN_MAX_AGE"], entry["CONN_HEALTH_CHECKS"]) == (environment.CONNECTION_S, True)


def test_an_unknown_scheme_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mysql"):
        environment.database("mysql://localhost/shop", tmp_path / "default")


def test_plugins_are_in_a_folder_unless_a_bucket_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_S3_BUCKET", raising=False)
    assert environment.plugin_storage(tmp_path)["OPTIONS"] == {"location": str(tmp_path)}
    monkeypatch.setenv("SHOP_S3_BUCKET", "plugins")
    assert environment.plugin_storage(tmp_path)["OPTIONS"]["bucket_name"] == "plugins"


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("0", False), (None, True)])
def test_a_switch_is_read_as_yes_or_no(value: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if value is None:
        monkeypatch.delenv("SHOP_DEBUG", raising=False)
    else:
        monkeypatch.setenv("SHOP_DEBUG", value)
    assert environment.is_set("DEBUG", default=True) is expected
