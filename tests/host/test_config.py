"""``wasi:config/store``: a plugin reads its own secrets, and sees nothing of anybody else's."""

from __future__ import annotations

import logging

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.called import called
from tests.components import err, json_handler, log, ok, plugin_component
from tests.host_imports import config_get
from tests.installed import install
from tests.secret_components import ABSENT, answered, first_of_all, read_again
from wasm_plugins import lifecycle
from wasm_plugins.exceptions import CapabilityDenied, PluginFailed
from wasm_plugins.models import AuditEntry, Plugin, Secret
from wasm_plugins.outbox import outbox
from wasm_plugins.sealing import SecretValue
from wasm_plugins.secret_acts import set_secret, unset_secret
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def vault() -> Plugin:
    """A plugin whose task ``tell`` answers its secret ``token``, and ``first`` the first of all."""
    tasks = {"tell": json_handler(answered("token")), "first": json_handler(first_of_all())}
    plugin = install(plugin_component("vault", tasks=tasks), grants={"config": {}})
    set_secret(plugin, "token", SecretValue("alpha-bravo"))
    return plugin


def test_a_plugin_reads_its_secret_and_a_change_is_seen_by_the_next_call(vault: Plugin) -> None:
    assert called("vault/tell") == "alpha-bravo"
    set_secret(vault, "token", SecretValue("charlie"))
    assert called("vault/tell") == "charlie"
    unset_secret(vault, "token")
    assert called("vault/tell") == ABSENT


def test_all_are_answered_sorted_by_name(vault: Plugin) -> None:
    set_secret(vault, "another", SecretValue("first-in-order"))
    assert called("vault/first") == "first-in-order"


def test_another_plugin_of_the_same_key_has_nothing(vault: Plugin) -> None:
    install(plugin_component("other", tasks={"tell": json_handler(answered("token"))}), grants={"config": {}})
    assert called("other/tell") == ABSENT


def test_without_the_grant_it_cannot_be_enabled() -> None:
    version = record_upload(plugin_component("vault", tasks={"tell": json_handler(answered("token"))}))
    assert version.state == "verified"
    assert version.plugin.is_enabled is False
    with pytest.raises(CapabilityDenied):
        lifecycle.enable(version.plugin)


def test_a_plugin_that_asks_for_nothing_costs_no_query(vault: Plugin) -> None:
    install(plugin_component("other", tasks={"quiet": json_handler(ok("{}"))}))
    called("other/quiet")
    with CaptureQueriesContext(connection) as found:
        called("other/quiet")
    assert not any("wasm_plugins_secret" in query["sql"] for query in found.captured_queries)


def test_one_call_asks_the_database_once(vault: Plugin) -> None:
    steps = [config_get("token"), config_get("missing"), config_get("token")]
    install(plugin_component("other", tasks={"ask": json_handler(ok("{}", first=steps))}), grants={"config": {}})
    called("other/ask")
    with CaptureQueriesContext(connection) as found:
        called("other/ask")
    assert sum("wasm_plugins_secret" in query["sql"] for query in found.captured_queries) == 1


def test_a_secret_that_no_key_opens_is_an_err_for_the_plugin_and_an_error_in_the_projects_log(
    vault: Plugin, caplog: pytest.LogCaptureFixture
) -> None:
    Secret.objects.update(ciphertext="v1:AAAA")
    with pytest.raises(PluginFailed):
        called("vault/tell")
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "token" in record.getMessage()


def test_a_secret_that_no_key_opens_is_logged_once_for_a_call_however_often_it_is_read(
    vault: Plugin, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = {"ask": json_handler(read_again("token", 20))}
    eager = install(plugin_component("eager", tasks=tasks), grants={"config": {}})
    set_secret(eager, "token", SecretValue("alpha-bravo"))
    Secret.objects.update(ciphertext="v1:AAAA")
    for calls in (1, 2):
        called("eager/ask")
        assert len([each for each in caplog.records if each.levelno == logging.ERROR]) == calls


def test_a_read_is_noted_with_names_and_without_values(vault: Plugin, caplog: pytest.LogCaptureFixture) -> None:
    called("vault/tell")
    outbox.flush()
    entry = AuditEntry.objects.get(act="secret-read")
    assert (entry.plugin, entry.subject, entry.details) == ("vault", "token", {"names": ["token"], "missing": 0})
    assert "alpha-bravo" not in caplog.text


def test_a_read_is_noted_also_when_the_call_fails(vault: Plugin) -> None:
    failing = json_handler(err("no", first=[config_get("token"), log("x")]))
    plugin = install(plugin_component("other", tasks={"fail": failing}), grants={"config": {}})
    set_secret(plugin, "token", SecretValue("delta-echo"))
    with pytest.raises(PluginFailed):
        called("other/fail")
    outbox.flush()
    assert AuditEntry.objects.filter(act="secret-read", plugin="other").count() == 1


def test_a_line_of_a_plugin_names_it_for_formatters_that_write_json(caplog: pytest.LogCaptureFixture) -> None:
    install(plugin_component("talks", tasks={"say": json_handler(ok("{}", first=[log("x\nERROR forged: line")]))}))
    with caplog.at_level(logging.INFO, logger="wasm_plugins.plugin"):
        called("talks/say")
    records = [each for each in caplog.records if each.name == "wasm_plugins.plugin"]
    assert [(vars(each)["plugin"], vars(each)["plugin_version"]) for each in records] == [("talks", 1)] * 2
    assert all(each.getMessage().startswith("talks 1: ") and "\n" not in each.getMessage() for each in records)


@pytest.mark.parametrize(("context", "said"), [("talks", "talks 1: hello"), ("other", "talks 1: other: hello")])
def test_a_line_names_its_plugin_once(context: str, said: str, caplog: pytest.LogCaptureFixture) -> None:
    says = json_handler(ok("{}", first=[log("hello", context=context)]))
    install(plugin_component("talks", tasks={"say": says}))
    with caplog.at_level(logging.INFO, logger="wasm_plugins.plugin"):
        called("talks/say")
    assert [each.getMessage() for each in caplog.records if each.name == "wasm_plugins.plugin"] == [said]
