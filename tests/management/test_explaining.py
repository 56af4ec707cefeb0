"""Calls by hand of a plugin that is not called: the command says why and what to do, and not that nobody is there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from tests.components import json_handler, ok, plugin_component, route, text_hook
from tests.installed import install
from tests.management.ran import failed, ran, shown
from wasm_plugins import lifecycle
from wasm_plugins.models import Hook, Plugin, Route, VersionHealth
from wasm_plugins.registry import mark_changed

pytestmark = pytest.mark.django_db

HOOK = ("call-hook", "speak", "1", '""')
TASK = ("run-task", "parrot", "count")
ROUTE = ("call-route", "GET", "/parrot/one")


@pytest.fixture
def parrot(db: None) -> Plugin:
    """A plugin with one of each, which is on."""
    return install(
        plugin_component(
            "parrot",
            hooks={"speak": text_hook(ok("hi"))},
            routes=[route("/parrot/one", json_handler(ok("{}")))],
            tasks={"count": json_handler(ok("{}"))},
            toml='[routes."/parrot/one"]\naccess = "public"',
        )
    )


def _untrusted(plugin: Plugin, settings: Settings) -> str:
    settings.WASM_PLUGINS_SIGNATURES = "enforce"
    return "not signed"


def _quarantined(plugin: Plugin, settings: Settings) -> str:
    VersionHealth.objects.create(version=plugin.versions.get(), deaths=2, quarantined_at=timezone.now())
    return "plugins release parrot"


def _off(plugin: Plugin, settings: Settings) -> str:
    lifecycle.disable(plugin)
    return "plugins enable parrot"


Fall = Callable[[Plugin, Settings], str]
WAYS = pytest.mark.parametrize("fall", [_untrusted, _quarantined, _off])


@WAYS
def test_call_hook_names_who_would_answer_and_why_he_is_not_asked(
    parrot: Plugin, settings: Settings, fall: Fall
) -> None:
    said = fall(parrot, settings)
    mark_changed()
    answer = ran(*HOOK)
    assert answer["results"] == []
    assert [each["plugin"] for each in answer["not_asked"]] == ["parrot"]
    assert said in answer["not_asked"][0]["why"]
    assert said in shown(*HOOK)


@WAYS
@pytest.mark.parametrize(
    ("arguments", "code"), [(TASK, "plugin-not-found"), (ROUTE, "route-not-found")], ids=["task", "route"]
)
def test_run_task_and_call_route_say_the_same(
    parrot: Plugin, settings: Settings, fall: Fall, arguments: tuple[str, ...], code: str
) -> None:
    said = fall(parrot, settings)
    mark_changed()
    status, document = failed(*arguments)
    assert (status, document["error"]["code"], document["error"]["plugin"]) == (1, code, "parrot")
    assert said in document["error"]["message"]


@pytest.mark.parametrize("arguments", [HOOK, ROUTE])
def test_of_one_that_sleeps_the_error_that_put_it_there_is_named(parrot: Plugin, arguments: tuple[str, ...]) -> None:
    until = timezone.now() + timedelta(minutes=1)
    VersionHealth.objects.create(
        version=parrot.versions.get(), open_until=until, times_opened=1, last_error_code="deadline-exceeded"
    )
    mark_changed()
    status, document = failed(*arguments)
    assert (status, document["error"]["code"]) == (1, "plugin-asleep")
    assert "deadline-exceeded" in document["error"]["message"]
    assert "plugins release parrot" in document["error"]["message"]


def test_who_answers_is_not_among_those_who_are_not_asked(parrot: Plugin) -> None:
    assert ran(*HOOK)["not_asked"] == []
    install(plugin_component("mute", hooks={"speak": text_hook(ok(""))}), enable=False)
    answer = ran(*HOOK)
    assert [each["plugin"] for each in answer["results"]] == ["parrot"]
    assert [each["plugin"] for each in answer["not_asked"]] == ["mute"]


def test_a_hook_and_a_route_that_an_admin_switched_off_say_so(parrot: Plugin) -> None:
    Hook.objects.update(is_enabled=False)
    Route.objects.update(is_enabled=False)
    mark_changed()
    assert "in the admin" in ran(*HOOK)["not_asked"][0]["why"]
    assert "in the admin" in failed(*ROUTE)[1]["error"]["message"]


def test_a_path_of_nobody_says_no_more_than_before() -> None:
    assert failed("call-route", "GET", "/nobody/here")[1]["error"]["plugin"] is None
