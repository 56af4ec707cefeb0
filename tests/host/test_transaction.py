"""The transaction interface, from a plugin's side, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError, connections, transaction
from pytest_django import Settings

from tests.components import begin, commit, err, json_handler, ok, plugin_component, rollback, sql, text_hook, trap
from tests.installed import install, tables
from wasm_plugins import get_plugin_manager
from wasm_plugins.exceptions import PluginFailed, PluginTrapped

pytestmark = pytest.mark.django_db(databases=["default", "sqlite"], transaction=True)

INSERT = "INSERT INTO shop_product (sku, name, price_cents, stock) VALUES ($1, $2, $3, 1)"


@pytest.fixture(params=["default", "sqlite"])
def alias(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Let the plugin's database called default be each of the two."""
    alias: str = request.param
    settings.WASM_PLUGINS_DATABASES = {"default": alias, "other": "sqlite" if alias == "default" else "default"}
    return alias


def insert(sku: str, **kwargs: Any) -> Any:
    return sql(INSERT, sku, "made by a plugin", 100, **kwargs)


def added(alias: str) -> list[str]:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT sku FROM shop_product WHERE name = 'made by a plugin' ORDER BY sku")
        return [row[0] for row in cursor.fetchall()]


def call(alias: str, *steps: Any, body: Any = ok, grants: Any = None) -> Any:
    finish = body(first=steps) if body is trap else body("done", first=steps)
    allowed = tables(shop_product=["select", "insert"]) if grants is None else grants
    install(plugin_component("writer", hooks={"write": text_hook(finish)}), grants=allowed)
    return get_plugin_manager().call_hook_dynamic("write", 1, "", using=alias).values


def test_a_statement_works_in_the_callers_transaction(alias: str) -> None:
    assert call(alias, insert("a")) == ["done"]
    assert added(alias) == ["a"]


def test_what_was_begun_and_committed_stays(alias: str) -> None:
    call(alias, begin(), insert("a"), commit())
    assert added(alias) == ["a"]


def test_what_was_rolled_back_is_gone_and_the_rest_stays(alias: str) -> None:
    call(alias, insert("a"), begin(), insert("b"), rollback(), insert("c"))
    assert added(alias) == ["a", "c"]


def test_transactions_nest(alias: str) -> None:
    call(alias, begin(), insert("a"), begin(), insert("b"), rollback(), insert("c"), commit())
    assert added(alias) == ["a", "c"]


def test_a_begin_that_is_left_open_is_rolled_back_and_reported(alias: str, caplog: pytest.LogCaptureFixture) -> None:
    call(alias, insert("a"), begin(), insert("b"))
    assert added(alias) == ["a"]
    assert any(f"left open on {alias}" in record.getMessage() for record in caplog.records)


def test_an_err_or_a_trap_undoes_everything(alias: str) -> None:
    with pytest.raises(PluginFailed):
        call(alias, insert("a"), begin(), insert("b"), commit(), body=err)
    assert added(alias) == []


def test_a_trap_inside_a_transaction_undoes_everything(alias: str) -> None:
    with pytest.raises(PluginTrapped):
        call(alias, insert("a"), begin(), insert("b"), body=trap)
    assert added(alias) == []
    assert not connections[alias].in_atomic_block


def test_a_refused_statement_is_an_answer_and_the_call_goes_on(alias: str) -> None:
    broken = sql("INSERT INTO auth_user (username) VALUES ('root')", may_fail=True)
    assert call(alias, insert("a"), broken, insert("b")) == ["done"]
    assert added(alias) == ["a", "b"]


def test_a_statement_that_the_database_refuses_leaves_the_transaction_usable(alias: str) -> None:
    assert call(alias, insert("a"), insert("a", may_fail=True), insert("b")) == ["done"]
    assert added(alias) == ["a", "b"]


def test_commit_without_begin_is_err(alias: str) -> None:
    with pytest.raises(PluginFailed):
        call(alias, commit())


def test_too_many_open_transactions_are_err(alias: str) -> None:
    with pytest.raises(PluginFailed) as caught:
        call(alias, *[begin()] * 17)
    assert "16" in str(caught.value.detail)


def test_an_unknown_database_is_err(alias: str) -> None:
    with pytest.raises(PluginFailed):
        call(alias, begin("no-such"))


def test_a_hook_cannot_use_a_database_that_is_not_part_of_its_callers_transaction(alias: str) -> None:
    with pytest.raises(PluginFailed):
        call(alias, sql("SELECT 1", database="other"))


def test_a_hook_can_use_another_database_on_which_its_caller_has_a_transaction(alias: str) -> None:
    other = "sqlite" if alias == "default" else "default"
    with transaction.atomic(using=other):
        call(alias, sql(INSERT, "x", "made by a plugin", 1, database="other"))
    assert added(other) == ["x"]


def test_a_task_commits_on_every_database_it_used_or_on_none(alias: str, settings: Settings) -> None:
    settings.WASM_PLUGINS_DATABASES = {"default": "default", "other": "sqlite"}
    elsewhere = sql(INSERT, "x", "made by a plugin", 1, database="other")
    component = plugin_component(
        "writer",
        tasks={
            "keep": json_handler(ok("{}", first=[insert("a"), elsewhere])),
            "fail": json_handler(
                err("no", first=[insert("b"), sql(INSERT, "y", "made by a plugin", 1, database="other")])
            ),
        },
    )
    install(component, grants=tables(shop_product=["select", "insert"]))
    with pytest.raises(PluginFailed):
        get_plugin_manager().execute_task("writer/fail")
    get_plugin_manager().execute_task("writer/keep")
    assert (added("default"), added("sqlite")) == (["a"], ["x"])


def test_a_connection_that_is_lost_ends_the_call_and_is_no_answer() -> None:
    kill = sql("SELECT count(*) FROM shop_product", may_fail=True)
    install(
        plugin_component("writer", hooks={"write": text_hook(ok("done", first=[kill]))}),
        grants=tables(shop_product=["select"]),
    )
    get_plugin_manager().reload()
    with pytest.raises(OperationalError), transaction.atomic():
        _terminate("default")
        get_plugin_manager().call_hook_dynamic("write", 1, "")
    connections["default"].close()
    assert get_plugin_manager().call_hook_dynamic("write", 1, "").values == ["done"]


def _terminate(alias: str) -> None:
    """End a connection from the server's side, as a restart does."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    other = connections.create_connection(alias)
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    other.close()
