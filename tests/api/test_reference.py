"""The page on the HTTP API names every address, act, code and key that there is, and no other; its how-to runs."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.live_server_helper import LiveServer

from tests.admin.plugins import greeter, writer
from tests.api.asked import AUTHOR, Program, user_with
from tests.components import plugin_component
from tests.kit.dev_runner import make_project
from tests.pages import DOCS, ROOT, blocks
from tests.test_documentation import codes, first_codes, rows, section
from tests.walkthrough import Walkthrough
from wasm_plugins import api_urls
from wasm_plugins.api import endpoint, refusals
from wasm_plugins.models import ApiToken, Plugin, TaskRun

PAGE = (DOCS / "reference" / "http-api.md").read_text()


def test_every_address_is_documented_with_its_name_and_no_other_is() -> None:
    documented = {codes(row[0])[0]: codes(row[1])[0] for row in rows(section(PAGE, "## Addresses"))}
    urls = {str(each.pattern): each.name for each in api_urls.urlpatterns if each.name != "nothing"}
    assert documented == urls


def test_every_code_is_documented_with_its_status_and_no_other_is() -> None:
    documented = {codes(row[0])[0]: int(row[1]) for row in rows(section(PAGE, "## Errors"))}
    assert documented == refusals.STATUS_OF_CODE


def test_every_code_that_is_refused_with_has_a_status() -> None:
    source = "".join(path.read_text() for path in Path(refusals.__file__).parent.glob("*.py"))
    assert set(re.findall(r'Refusal\(\s*"([a-z-]+)"', source)) <= refusals.STATUS_OF_CODE.keys()


def test_every_act_is_documented_and_needs_a_permission() -> None:
    documented = [codes(row[0])[0] for row in rows(section(PAGE, "## Tokens"))]
    assert documented == ApiToken.Act.values == list(endpoint._PERMITTED)


def _keys(heading: str) -> set[str]:
    return set(first_codes(section(PAGE, heading)))


@pytest.mark.django_db
def test_every_key_of_every_answer_is_documented_and_no_other_is() -> None:
    author = Program(user_with(*AUTHOR))
    uploaded = author.upload(writer(), "writer").json()
    author.upload(greeter())
    plugin = Plugin.objects.get(name="greeter")
    row = {"plugin": plugin, "handler": "greet", "input": "{}", "queue": "default", "timeout_s": 5}
    TaskRun.objects.create(**row, status="finished", finished_at=plugin.created_at)
    (entry,) = author.told("plugins/greeter/log/")["entries"]
    answers: dict[str, Any] = {
        "## The token itself": author.told("token/"),
        "## Uploading": uploaded,
        "## A version": uploaded["report"],
        "## A plugin": author.enable(1).json(),
        "## The log": entry,
    }
    for heading, answer in answers.items():
        assert _keys(heading) == answer.keys(), heading


@pytest.mark.django_db(transaction=True)
def test_the_how_to_is_followed_word_for_word(
    live_server: LiveServer, child_environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    user = user_with(*AUTHOR)
    User.objects.filter(pk=user.pk).update(username="ada")
    walk = Walkthrough(tmp_path, ROOT)
    walk._environment.update(_without_waiting(child_environment))
    component = plugin_component("talker", hooks={})
    make_project(tmp_path / "talker", component)
    walk.run(_PROGRAMS.format(python=sys.executable, root=ROOT))
    for language, text in blocks(DOCS / "how-to" / "develop.md"):
        here = text.replace("http://127.0.0.1:8000", live_server.url)
        if language == "sh":
            walk.run(here)
        elif language == "text":
            walk._compare(here)
    plugin = Plugin.objects.get()
    assert (plugin.name, plugin.is_enabled, plugin.versions.count()) == ("talker", True, 1)


def _without_waiting(environment: dict[str, str]) -> dict[str, str]:
    names = [name for name in environment if name.startswith(("TEST_", "DJANGO_", "PYTEST"))]
    return {**{name: environment[name] for name in names}, "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}


_PROGRAMS = """
mkdir programs
printf '#!/bin/sh\\nif [ "$1" = dev ]; then set -- "$@" --once; fi\\nexec {python} -m tests.kit.dev_runner "$@"\\n' \
    > programs/wasm-plugins
printf '#!/bin/sh\\nshift\\nexec {python} {root}/manage.py "$@"\\n' > programs/python
chmod +x programs/*
export PATH="$PWD/programs:$PATH"
"""
"""The commands as this run has them: on the tests' database, and going round once."""
