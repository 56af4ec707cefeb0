"""Upstream advisories: the list is well-formed, the core's version is found, and what applies is said."""

from __future__ import annotations

import re

import pytest

from wasm_plugins.runtime import advisories, facts
from wasm_plugins.runtime.advisories import known_advisories, report


def test_every_entry_has_an_id_a_title_and_ranges_that_go_forward() -> None:
    _, known = known_advisories()
    assert len({each.id for each in known}) == len(known)
    for each in known:
        assert re.fullmatch(r"GHSA(-[23456789cfghjmpqrvwx]{4}){3}", each.id), each.id
        assert each.title
        assert re.fullmatch(r"(CVE-\d{4}-\d{4,})?", each.cve)
        assert each.affected
        assert all(advisories._numbers(first) < advisories._numbers(fixed) for first, fixed in each.affected)


def test_every_entry_is_ruled_out_by_something_or_says_why_it_is_lived_with() -> None:
    _, known = known_advisories()
    supported = [each for each in known if any(float(fixed.split(".")[0]) >= 48 for _, fixed in each.affected)]
    assert all(each.ruled_out_by or each.accepted for each in supported)


def test_the_core_in_the_library_is_of_the_wheels_release() -> None:
    core = facts.core_version()
    assert core is not None
    assert core.partition(".")[0] == facts.wheel_version().partition(".")[0]


def test_nothing_that_applies_here_is_without_a_reason() -> None:
    assert report().open == ()


def test_an_older_core_than_its_wheel_is_judged_by_the_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advisories, "wheel_version", lambda: "50.0.3")
    monkeypatch.setattr(advisories, "core_version", lambda: "50.0.0")
    about = {each.advisory.id for each in report().findings}
    assert "GHSA-6fr9-xmw9-5352" in about
    monkeypatch.setattr(advisories, "core_version", lambda: "50.0.3")
    assert report().findings == ()


def test_a_core_that_cannot_be_told_is_taken_for_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advisories, "core_version", lambda: None)
    monkeypatch.setattr(advisories, "wheel_version", lambda: "50.0.3")
    assert "GHSA-6fr9-xmw9-5352" in {each.advisory.id for each in report().findings}


@pytest.mark.parametrize("library", [b"", b"x50.0.0y50.0.1z", b"1.50.0.0"])
def test_a_library_that_does_not_say_has_no_version(library: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts, "wheel_version", lambda: "50.0.1")
    monkeypatch.setattr(facts, "_library", lambda: library)
    assert facts.core_version() is None


def test_what_is_not_ruled_out_applies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advisories, "core_version", lambda: "50.0.0")
    monkeypatch.setattr(advisories, "true_facts", frozenset)
    found = report()
    assert len(found.applying) == len(found.findings) > len(found.open) > 0


def test_every_fact_holds_on_this_configuration() -> None:
    assert facts.true_facts() | {"not-aarch64", "not-windows"} == set(facts.FACTS)
