"""Plugins use their caller's connection: many of them on many threads open none of their own."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, connections

from tests.components import ok, plugin_component, sql, text_hook
from tests.host.sql.conftest import give_role
from tests.installed import install, tables
from wasm_plugins import get_plugin_manager
from wasm_plugins.host.sql import roles_apply
from wasm_plugins.scopes.tables import TableGrant

pytestmark = pytest.mark.django_db(databases=["default", "sqlite"], transaction=True)

PLUGINS, THREADS, CALLS = 20, 3, 3
GRANT = TableGrant.from_scope({"tables": {"shop_product": ["select"]}})


def test_ls_07_twenty_plugins_on_three_threads_use_three_connections() -> None:
    for number in range(PLUGINS):
        count = sql("SELECT count(*) AS n FROM shop_product")
        name = f"counter-{number}"
        install(
            plugin_component(name, hooks={"count": text_hook(ok(name, first=[count]))}),
            grants=tables(shop_product=["select"]),
        )
    give_role("default", GRANT, "counter-0")
    get_plugin_manager().reload()
    own = _connections()
    seen: list[int] = []
    answers: list[int] = []

    def work() -> None:
        try:
            for _ in range(CALLS):
                answers.append(len(get_plugin_manager().call_hook_dynamic("count", 1, "").values))
                seen.append(_connections())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert answers == [PLUGINS] * THREADS * CALLS
        assert max(seen) <= own + THREADS
    finally:
        role = roles_apply.role_on("default", "counter-0")
        roles_apply.apply("default", roles_apply.plan_removal("default", role))


def _connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])
