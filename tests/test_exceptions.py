"""The error tree: what the docstring shows is what the classes are, and every error has a code of its own."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from wasm_plugins import exceptions
from wasm_plugins.exceptions import (
    CallError,
    DeadlineExceeded,
    HookVetoed,
    LimitExceeded,
    LinkError,
    ManifestError,
    MethodNotAllowed,
    PluginError,
    PluginFailed,
    PluginTrapped,
)

LINE = re.compile(r"^(?P<stem>[│ ]*[├└]── )?(?P<name>[A-Z]\w+) ")


def _classes() -> list[type[PluginError]]:
    return [each for _, each in inspect.getmembers(exceptions, inspect.isclass) if issubclass(each, PluginError)]


def _shown() -> dict[str, str | None]:
    """Read the docstring's tree: each name with that of its parent."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for line in (exceptions.__doc__ or "").splitlines():
        if (found := LINE.match(line)) and (found["stem"] or found["name"] == "PluginError"):
            depth = len(found["stem"] or "") // 4
            del path[depth:]
            parents[found["name"]] = path[-1] if path else None
            path.append(found["name"])
    return parents


def test_the_tree_in_the_docstring_is_that_of_the_classes() -> None:
    real = {each.__name__: None if each is PluginError else each.__bases__[0].__name__ for each in _classes()}
    assert _shown() == real


def test_every_class_has_a_code_of_its_own() -> None:
    codes = [vars(each)["code"] for each in _classes()]
    assert len(codes) == len(set(codes)) == len(_classes())
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes)


def test_every_class_says_what_happened() -> None:
    assert all(each.__doc__ and each.__doc__.strip() for each in _classes())


def test_the_plugin_is_named_once_and_by_the_lowest_floor() -> None:
    error = PluginError("broken")
    assert str(error) == "broken"
    assert error.about("shipping", 3) is error
    assert (error.plugin, error.version) == ("shipping", 3)
    error.about("other", 4)
    assert str(error) == "shipping version 3: broken"
    assert str(PluginError("broken", plugin="shipping")) == "shipping: broken"


@pytest.mark.parametrize(
    ("error", "attribute", "value"),
    [
        (MethodNotAllowed("m", allowed=("GET",)), "allowed", ("GET",)),
        (ManifestError("m", field="routes[2].path"), "field", "routes[2].path"),
        (LinkError("m", missing="a:b/c"), "missing", "a:b/c"),
        (CallError("m", export="run"), "export", "run"),
        (PluginTrapped("m", export="run", backtrace="b"), "backtrace", "b"),
        (LimitExceeded("m", export="run", limit="memories"), "limit", "memories"),
        (DeadlineExceeded(export="run", deadline_ms=5), "deadline_ms", 5),
        (PluginFailed("no", export="run"), "detail", "no"),
        (HookVetoed("no", export="run"), "detail", "no"),
    ],
)
def test_an_error_carries_what_a_caller_needs(error: PluginError, attribute: str, value: object) -> None:
    assert getattr(error, attribute) == value
    assert error.message
    assert isinstance(error, PluginError)


def test_a_plain_error_survives_pickling() -> None:
    assert str(pickle.loads(pickle.dumps(PluginError("broken")))) == "broken"  # noqa: S301 - our own bytes
