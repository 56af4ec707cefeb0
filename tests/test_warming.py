"""Plugins are loaded before anybody waits for them, and one that cannot be stops no other."""

from __future__ import annotations

import pytest

from tests.components import ok, plugin_component, text_hook
from tests.installed import install
from wasm_plugins import components, storage
from wasm_plugins.models import PluginVersion
from wasm_plugins.registry import mark_changed
from wasm_plugins.warming import warm

pytestmark = pytest.mark.django_db


def installed(name: str) -> str:
    plugin = install(plugin_component(name, hooks={"speak": text_hook(ok(name))}))
    assert plugin.current_version is not None
    return plugin.current_version.digest


def test_every_enabled_plugin_is_loaded() -> None:
    digests = {installed("one"), installed("two")}
    components.forget(keep=())
    warm()
    assert digests <= components._linked.keys()


def test_a_plugin_whose_bytes_are_gone_is_logged_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    good = installed("good")
    installed("lost")
    PluginVersion.objects.filter(plugin__name="lost").update(digest="0" * 64)
    mark_changed()
    components.forget(keep=())
    warm()
    assert good in components._linked
    assert ["lost" in record.getMessage() for record in caplog.records if record.name.endswith("warming")] == [True]


@pytest.mark.django_db(transaction=True)
def test_nothing_is_done_again_while_nothing_changed() -> None:
    installed("one")
    done = warm()
    components.forget(keep=())
    assert warm(done) is done
    assert not components._linked


def test_a_component_is_not_fetched_when_its_code_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    digest = installed("one")
    components.forget(keep=())
    monkeypatch.setattr(components, "read_kept", lambda digest: pytest.fail("the bytes were fetched"))
    assert components.get_linked(digest) is components.get_linked(digest)
    assert storage.read_kept(digest)
