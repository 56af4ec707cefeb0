"""Limits of the project and of one plugin: which number holds, and what cannot be one."""

from __future__ import annotations

import dataclasses
import io
import json
import logging
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from tests.components import json_handler, ok, plugin_component, spin, text_hook
from tests.installed import install
from wasm_plugins import components, get_plugin_manager, lifecycle
from wasm_plugins.conf import Settings as Conf
from wasm_plugins.exceptions import DeadlineExceeded
from wasm_plugins.models import Plugin
from wasm_plugins.registry import find_snapshot, mark_changed
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.snapshot import ActivePlugin
from wasm_plugins.tuning import LIMITS, check_limits, deadline_ms, in_words, project_limits

pytestmark = pytest.mark.django_db


def _plugin() -> Plugin:
    tasks = {"spin": json_handler(spin())}
    return install(plugin_component(hooks={"order-placed": text_hook(ok("hello"))}, tasks=tasks))


def _active() -> ActivePlugin:
    return find_snapshot().plugins["greeter"]


def test_settings_begin_with_the_numbers_of_the_runtime() -> None:
    assert project_limits(1_000) == Limits()


def test_every_limit_of_a_call_can_be_another_one_for_a_plugin() -> None:
    names = {field.name for field in dataclasses.fields(Limits)} - {"deadline_ms"}
    assert names <= LIMITS.keys()
    assert all(limit.least <= getattr(Conf, limit.setting) <= limit.most for limit in LIMITS.values())


@pytest.mark.parametrize("name", [name for name in LIMITS if not name.endswith("_deadline_ms")])
def test_a_setting_holds_for_every_plugin_and_a_number_of_its_own_for_one(settings: Settings, name: str) -> None:
    plugin, limit = _plugin(), LIMITS[name]
    setattr(settings, f"WASM_PLUGINS_{limit.setting}", limit.least + 1)
    assert getattr(components.call_limits(_active(), 1_000), name) == limit.least + 1
    lifecycle.set_limits(plugin, {name: limit.least})
    assert getattr(components.call_limits(_active(), 1_000), name) == limit.least


def test_each_kind_of_call_has_a_time_of_its_own() -> None:
    own = {"hook_deadline_ms": 10}
    assert deadline_ms(own, "hook", asked=500) == 10
    assert deadline_ms({}, "hook", asked=500) == 500
    assert deadline_ms({}, "hook") == 1_000
    assert (deadline_ms(own, "route"), deadline_ms(own, "task")) == (2_000, 60_000)


def test_a_tasks_time_is_that_of_the_task_then_of_the_plugin() -> None:
    plugin = _plugin()
    lifecycle.set_limits(plugin, {"task_deadline_ms": 2_000})
    assert find_snapshot().tasks["greeter", "spin"].timeout_s == 2
    plugin.tasks.update(timeout_s=1)
    mark_changed()
    assert find_snapshot().tasks["greeter", "spin"].timeout_s == 1
    with pytest.raises(DeadlineExceeded):
        get_plugin_manager().execute_task("greeter/spin")


@pytest.mark.parametrize(
    "stored",
    [
        {"no_such_limit": 1, "host_calls": 7},
        {"deadline_ms": 1, "host_calls": 7},
        {"memory_bytes": "much", "host_calls": 7},
        {"memory_bytes": None, "host_calls": 7},
        {"memory_bytes": True, "host_calls": 7},
        {"memory_bytes": -1, "host_calls": 7},
        {"memory_bytes": 10**30, "host_calls": 7},
        {"memory_bytes": [1], "host_calls": 7},
        {"x" * 5_000: 1, "host_calls": 7},
    ],
)
def test_what_cannot_be_used_is_ignored_with_a_warning(stored: Any, caplog: pytest.LogCaptureFixture) -> None:
    _plugin()
    Plugin.objects.update(limits=stored)
    mark_changed()
    with caplog.at_level(logging.WARNING, "wasm_plugins.tuning"):
        assert _active().limits == {"host_calls": 7}
    assert [record.levelname for record in caplog.records if record.name == "wasm_plugins.tuning"] == ["WARNING"]
    (answer,) = get_plugin_manager().call_hook_dynamic("order-placed", 1, "")
    assert answer.value == "hello"


@pytest.mark.parametrize("stored", [[], [1], "text", 7])
def test_limits_that_are_no_object_are_ignored(stored: Any) -> None:
    _plugin()
    Plugin.objects.update(limits=stored)
    mark_changed()
    assert _active().limits == {}


@pytest.mark.parametrize("limits", [{"no_such_limit": 1}, {"depth": 9}, {"depth": 0}, {"depth": True}, {"depth": "2"}])
def test_an_act_takes_only_what_can_be_used(limits: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(limits))):
        check_limits(limits)
    plugin = _plugin()
    with pytest.raises(ValueError):
        lifecycle.set_limits(plugin, limits)
    assert _active().limits == {}


def _run(*arguments: str) -> Any:
    out = io.StringIO()
    call_command("plugins", "limits", "greeter", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())["limits"]


def test_the_command_shows_sets_and_clears() -> None:
    _plugin()
    assert _run()["host_calls"] == {"number": 10_000, "own": None, "project": 10_000}
    shown = _run("--set", "host_calls=7", "--set", "memory_bytes=65536")
    assert shown["host_calls"] == {"number": 7, "own": 7, "project": 10_000}
    assert _run("--clear", "host_calls")["host_calls"]["own"] is None
    assert _active().limits == {"memory_bytes": 65_536}


@pytest.mark.parametrize(
    "wrong", [["--set", "host_calls"], ["--set", "host_calls=x"], ["--set", "nothing=1"], ["--clear", "nothing"]]
)
def test_the_command_refuses_what_is_no_limit_and_changes_nothing(wrong: list[str]) -> None:
    _plugin()
    with pytest.raises(CommandError) as caught:
        _run("--set", "depth=2", *wrong)
    assert caught.value.returncode == 2
    assert _active().limits == {}


@pytest.mark.parametrize(
    ("name", "number", "words"),
    [
        ("host_calls", 10_000, "10000"),
        ("log_bytes", 1_023, "1023"),
        ("log_bytes", 65_536, "65536 (64 KiB)"),
        ("memory_bytes", 67_108_864, "67108864 (64 MiB)"),
        ("memory_bytes", 1_610_612_736, "1610612736 (1.5 GiB)"),
    ],
)
def test_a_number_is_written_as_people_read_it(name: str, number: int, words: str) -> None:
    assert in_words(name, number) == words
