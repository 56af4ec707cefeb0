"""After every hostile test the host must be as it was: alive, clean, leaking nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.hostile import canary, connection_state, process_state
from wasm_plugins.conf import PREFIX, conf, setting_names
from wasm_plugins.outbox import outbox

SEEN: str = "tests.hostile.canary.ResponsesSeen"


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers by which a test says what it may leave."""
    config.addinivalue_line("markers", "no_canary: no other plugin can answer here, for example in safe mode")
    config.addinivalue_line("markers", "canary_after: it counts rows, so the third party comes only when it is over")


@pytest.fixture(autouse=True)
def invariants(
    request: pytest.FixtureRequest, _django_db_marker: None, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """Check, when a test is over, what no plugin may ever change.

    The process lives and another plugin answers; nothing planted with a third party has come out; the host's planted
    rows are as they were; every database connection is as it was; threads, files and child processes are gone.
    """
    process = process_state.take()
    if request.node.get_closest_marker("django_db") is None:
        yield
        process_state.check(process)
        return
    settings: Settings = request.getfixturevalue("settings")
    settings.MIDDLEWARE = [SEEN, *settings.MIDDLEWARE]
    request.getfixturevalue("plugin_folder")
    here = settings.STORAGES["plugins"]
    usual = {name: getattr(conf, name) for name in setting_names()}
    bird = canary.plant() if _has_company(request) else None
    connections = connection_state.take()
    yield
    outbox.flush()
    connection_state.check(connections)
    if request.node.get_closest_marker("no_canary") is None:
        # The test's own storage may be away by now, and its settings may refuse everybody.
        settings.STORAGES = {**settings.STORAGES, "plugins": here}
        for name, value in usual.items():
            setattr(settings, PREFIX + name, value)
        canary.check(bird or canary.plant(), caplog)
        outbox.flush()
    process_state.check(process)


def _has_company(request: pytest.FixtureRequest) -> bool:
    """Tell whether a third party is there while the test runs."""
    return not any(request.node.get_closest_marker(name) for name in ("no_canary", "canary_after"))
