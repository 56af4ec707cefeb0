"""System checks: each has its id, and each setting is checked."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from django.db import connections
from pytest_django import Settings

from wasm_plugins import alias_checks, checks, schedule_checks, token_checks
from wasm_plugins.checks import check_settings
from wasm_plugins.conf import conf, setting_names
from wasm_plugins.tasks import schedule


def ids() -> list[str]:
    return [str(message.id).removeprefix("wasm_plugins.") for message in check_settings(None)]


def test_the_projects_own_settings_are_right() -> None:
    assert ids() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("STORAGE_ALIAS", "nowhere", "E001"),
        ("DATABASE_RUNNER", "always", "E040"),
        ("UPGRADES", "always", "E002"),
        ("DATABASES", {"default": "nowhere"}, "E003"),
        ("DATABASES", "default", "E003"),
        ("HOOK_DEADLINE_MS", 0, "E004"),
        ("ROUTE_DEADLINE_MS", "1000", "E004"),
        ("TASK_DEADLINE_MS", True, "E004"),
        ("MANIFEST_DEADLINE_MS", -1, "E004"),
        ("MEMORY_BYTES", 0, "E004"),
        ("LOG_BYTES", None, "E004"),
        ("CALL_DEPTH", 0, "E004"),
        ("COMPONENT_BYTES", 1.5, "E004"),
        ("REQUEST_BODY_BYTES", 0, "E004"),
        ("RESPONSE_BODY_BYTES", 0, "E004"),
        ("SYNC_INTERVAL_S", -1, "E004"),
        ("PROCESS_REPORT_S", -1, "E004"),
        ("QUEUE", "nowhere", "E005"),
        ("CACHE_DIR", 7, "E006"),
        ("HTTP_TIMEOUT_MS", 0, "E004"),
        ("HTTP_CONNECT_TIMEOUT_MS", "2 s", "E004"),
        ("HTTP_PRIVATE_NETWORKS", "10.0.0.0/8", "E010"),
        ("HTTP_PRIVATE_NETWORKS", ["10.0.0.1/8"], "E010"),
        ("HTTP_PRIVATE_NETWORKS", [10], "E010"),
        ("HTTP_PRIVATE_NETWORKS", ["169.254.0.0/16"], "W010"),
        ("HTTP_PRIVATE_NETWORKS", ["::/0"], "W010"),
        ("SECRET_KEYS", "one text is no list of them, however long it is", "E031"),
        ("SECRET_KEYS", ["too short"], "E031"),
        ("SECRET_KEYS", [b"not a text, and long enough to be one of them"], "E031"),
        ("KEYVALUE_KEYS", 0, "E004"),
        ("SCHEDULE_INTERVAL_S", 0, "E004"),
        ("SCHEDULE_TIME_ZONE", "Europe/Nowhere", "E080"),
        ("SCHEDULE_TIME_ZONE", "../../etc/passwd", "E080"),
        ("SCHEDULE_TIME_ZONE", 7, "E080"),
        ("SCHEDULE_MISSED", "none", "E081"),
        ("KEPT_CALLS", -1, "E004"),
        ("API_TOKEN_MAX_DAYS", 0, "E004"),
        ("API_TOKEN_DAYS", 366, "E090"),
        ("NO_SUCH_SETTING", 1, "W001"),
    ],
)
def test_a_wrong_setting_is_said_at_start_up(settings: Settings, name: str, value: Any, expected: str) -> None:
    setattr(settings, f"WASM_PLUGINS_{name}", value)
    assert ids() == [expected]


def test_networks_of_ones_own_are_fine(settings: Settings) -> None:
    settings.WASM_PLUGINS_HTTP_PRIVATE_NETWORKS = ("10.0.5.0/24", "127.0.0.0/8", "::1/128", "fd12::/16")
    assert ids() == []


def test_every_setting_has_a_check() -> None:
    source = inspect.getsource(checks) + "".join(
        map(inspect.getsource, (alias_checks, schedule_checks, schedule, token_checks))
    )
    assert [name for name in setting_names() if name not in source] == []


def test_ids_are_not_used_for_two_things() -> None:
    used = re.findall(r'id="wasm_plugins\.([EW]\d{3})"', inspect.getsource(checks))
    by_function = {
        (found, name)
        for name, function in inspect.getmembers(checks, inspect.isfunction)
        for found in re.findall(r'id="wasm_plugins\.([EW]\d{3})"', inspect.getsource(function))
        if name.startswith("_check")
    }
    assert len(by_function) == len(set(used))


def test_a_setting_is_read_when_used(settings: Settings) -> None:
    assert conf.CALL_DEPTH == 4
    settings.WASM_PLUGINS_CALL_DEPTH = 2
    assert conf.CALL_DEPTH == 2


def test_an_unknown_setting_is_a_defect() -> None:
    with pytest.raises(AttributeError):
        _ = conf.NO_SUCH_SETTING


def test_a_queue_without_the_json_serializer_is_warned_of(settings: Settings) -> None:
    settings.RQ_QUEUES = {"default": {"URL": "redis://localhost"}}
    assert ids() == ["W003"]


@pytest.mark.parametrize(("host", "expected"), [("db.example.org", ["W004"]), ("", []), ("/run/postgresql", [])])
def test_a_database_elsewhere_that_may_be_waited_for_for_ever_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, host: str, expected: list[str]
) -> None:
    database = connections["default"].settings_dict
    monkeypatch.setitem(database, "HOST", host)
    monkeypatch.setitem(database, "OPTIONS", {})
    assert ids() == expected
    monkeypatch.setitem(database, "OPTIONS", {"connect_timeout": 10})
    assert ids() == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, ["W005"]), ({"transaction_mode": "DEFERRED"}, ["W005"]), ({"transaction_mode": "IMMEDIATE"}, [])],
)
def test_sqlite_where_a_transaction_may_have_to_write_too_late_is_warned_of(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, options: dict[str, str], expected: list[str]
) -> None:
    settings.WASM_PLUGINS_DATABASES = {"default": "sqlite"}
    monkeypatch.setitem(connections["sqlite"].settings_dict, "OPTIONS", options)
    assert ids() == expected


@pytest.mark.parametrize("wrong", ["no.such.module", "nodots", "wasm_plugins.paths.PATH_CHARS", 7])
def test_an_authenticator_that_is_no_function_is_an_error(settings: Settings, wrong: object) -> None:
    settings.WASM_PLUGINS_AUTHENTICATOR = wrong
    assert "wasm_plugins.E020" in {message.id for message in check_settings(None)}


def test_an_authenticator_that_can_be_called_is_fine(settings: Settings) -> None:
    settings.WASM_PLUGINS_AUTHENTICATOR = "wasm_plugins.access.authenticate"
    assert "wasm_plugins.E020" not in {message.id for message in check_settings(None)}
