"""``plugins advisories``: what the project accepted with a reason is shown and is no failure, unless it is to be."""

from __future__ import annotations

import pytest

from tests.management.ran import failed, ran
from wasm_plugins.kit.__main__ import main
from wasm_plugins.runtime import advisories
from wasm_plugins.runtime.facts import FACTS

ACCEPTED = "GHSA-6fr9-xmw9-5352"


@pytest.fixture
def core(monkeypatch: pytest.MonkeyPatch) -> None:
    """A core about which one advisory is that no fact rules out and the project accepted."""
    monkeypatch.setattr(advisories, "core_version", lambda: "50.0.0")
    monkeypatch.setattr(advisories, "true_facts", lambda: frozenset(FACTS))


@pytest.mark.parametrize("arguments", [[], ["--allow-accepted"]])
def test_what_was_accepted_is_shown_and_is_no_failure(core: None, arguments: list[str]) -> None:
    found = ran("advisories", *arguments)["advisories"]
    assert [each["id"] for each in found if each["applies"]] == [ACCEPTED]
    assert main(["advisories", *arguments]) == 0


def test_strictly_what_was_accepted_is_a_failure_too(core: None, capsys: pytest.CaptureFixture[str]) -> None:
    status, document = failed("advisories", "--strict")
    assert (status, len(document["advisories"]) > 0) == (1, True)
    assert main(["advisories", "--strict"]) == 1


def test_what_nobody_accepted_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advisories, "core_version", lambda: "50.0.0")
    monkeypatch.setattr(advisories, "true_facts", frozenset)
    assert failed("advisories")[0] == 1
    assert main(["advisories"]) == 1


def test_one_is_counted_as_one(core: None) -> None:
    found = advisories.report()
    assert found.problem(is_strict=True) == "1 advisory applies"
    assert found.problem(is_strict=False) == ""
