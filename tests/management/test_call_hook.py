"""``manage.py plugins call-hook``: arguments are written as for the author's command line."""

from __future__ import annotations

import pytest

from tests.management.ran import failed, ran
from wasm_plugins.management.plugins import call_hook
from wasm_plugins.testing import FakePlugin, override_plugins

pytestmark = pytest.mark.django_db


def _told(_number: int, text: str) -> str:
    return f"<{text}>"


@pytest.fixture(autouse=True, params=["declared", "exported"])
def _type_from(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the type of the hook told by the project, and by a plugin alone."""
    if request.param == "exported":
        monkeypatch.setattr(call_hook, "find_hook_type", lambda name: None)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("gift", "gift"),
        ('"gift"', "gift"),
        ("two words", "two words"),
        ("42", "42"),
        ("null", "null"),
        ("", ""),
        ("[]", "[]"),
        ("{", "{"),
    ],
)
def test_a_text_needs_no_quotes(written: str, text: str) -> None:
    with override_plugins(FakePlugin("greeter", hooks={"order-placed": _told})):
        assert ran("call-hook", "order-placed", "1", written)["results"][0]["value"] == f"<{text}>"


@pytest.mark.parametrize("arguments", [["1"], ["one", "gift"], ["1.5", "gift"], ["1", "gift", "more"]])
def test_what_does_not_fit_names_the_type(arguments: list[str]) -> None:
    with override_plugins(FakePlugin("greeter", hooks={"order-placed": _told})):
        status, document = failed("call-hook", "order-placed", *arguments)
    assert (status, document["error"]["code"]) == (2, "usage")
    assert "s64" in document["error"]["message"]
