"""``plugins worker``: which queues it takes, and how it ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from project.stack.parts import free_ports


def _worker(*arguments: str) -> Any:
    return call_command("plugins", "worker", "--burst", "--simple", *arguments)


@pytest.mark.django_db
def test_a_queue_that_there_is_not_is_a_wrong_call() -> None:
    with pytest.raises(CommandError, match="RQ_QUEUES has no queue nowhere; known are default") as refused:
        _worker("nowhere")
    assert refused.value.returncode == 2


@pytest.mark.django_db
def test_queues_on_two_servers_are_a_wrong_call(settings: Settings) -> None:
    elsewhere = {**settings.RQ_QUEUES["default"], "URL": "redis://127.0.0.1:1/0"}
    settings.RQ_QUEUES = {**settings.RQ_QUEUES, "other": elsewhere}
    with pytest.raises(CommandError, match="same redis connection") as refused:
        _worker("default", "other")
    assert refused.value.returncode == 2


@pytest.mark.django_db
def test_with_burst_a_redis_that_is_away_is_a_failure(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    away = f"redis://127.0.0.1:{free_ports(1)[0]}/0"
    settings.RQ_QUEUES = {"default": {**settings.RQ_QUEUES["default"], "URL": away}}
    with pytest.raises(CommandError, match="Redis does not answer, or refuses") as refused:
        _worker("--json")
    assert refused.value.returncode == 1
    assert json.loads(capsys.readouterr().out) == {"queues": ["default"]}
