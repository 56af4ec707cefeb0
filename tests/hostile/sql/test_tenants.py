"""Tenants apart from one another by a table that only the host writes, and errors that a plugin swallows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection, connections, transaction
from pytest_django import Settings

from tests.components import ok, plugin_component, sql, text_hook
from tests.host.sql.conftest import give_role
from tests.hostile.sql.conftest import Place
from tests.installed import install
from tests.installed import tables as granted
from wasm_plugins import get_plugin_manager
from wasm_plugins.host.sql.errors import SqlFailed, SqlRefused
from wasm_plugins.runtime.values import Variant
from wasm_plugins.scopes.tables import TableGrant

pytestmark = pytest.mark.django_db(databases=["default", "sqlite"])

GRANT = TableGrant.from_scope({"tables": {"plugin_orders": ["select", "insert", "update", "delete"]}})

# What the how-to on databases tells projects to do: the tenant of a transaction is a row that the host wrote, read by
# a function of the host's. A setting would not do, since a setting can be set.
POLICY = """
CREATE TABLE host_tenant (pid integer, xid xid8, tenant integer, PRIMARY KEY (pid, xid));
CREATE FUNCTION host_tenant_now() RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS 'SELECT tenant FROM host_tenant WHERE pid = pg_backend_pid() AND xid = pg_current_xact_id()';
CREATE TABLE plugin_orders (id integer PRIMARY KEY, tenant integer, note text);
INSERT INTO plugin_orders VALUES (1, 1, 'ours'), (2, 2, 'the canary of the others');
ALTER TABLE plugin_orders ENABLE ROW LEVEL SECURITY;
ALTER TABLE plugin_orders FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON plugin_orders USING (tenant = host_tenant_now());
INSERT INTO host_tenant VALUES (pg_backend_pid(), pg_current_xact_id(), 1)
"""


@pytest.fixture
def tenants(tables: None) -> Iterator[None]:
    """Make a table that belongs to two tenants, and say that this transaction is the first one's."""
    with connection.cursor() as cursor:
        cursor.execute(POLICY)
    yield


SPOOFS = [
    "SELECT set_config('app.tenant', '2', false)",
    "SET app.tenant = '2'",
    "UPDATE host_tenant SET tenant = 2",
    "INSERT INTO host_tenant VALUES (1, '1', 2)",
    "SELECT host_tenant_now()",
    "SELECT * FROM host_tenant",
]


@pytest.mark.parametrize("statement", SPOOFS)
def test_sq_17_the_tenant_cannot_be_set(tenants: None, postgresql: Place, statement: str) -> None:
    with pytest.raises(SqlRefused):
        postgresql.run("default", statement, grant=GRANT)


def test_sq_17_only_the_callers_rows_are_seen_and_changed(tenants: None, postgresql: Place) -> None:
    def ids(statement: str, *params: Variant) -> list[object]:
        return [row[0].payload for row in postgresql.run("default", statement, params, grant=GRANT).rows]

    assert ids("SELECT id FROM plugin_orders") == [1]
    assert ids("SELECT id FROM plugin_orders WHERE tenant = $1", Variant("integer", 2)) == []
    assert ids("SELECT id FROM plugin_orders UNION SELECT id FROM plugin_orders WHERE tenant = 2") == [1]
    assert ids("UPDATE plugin_orders SET note = 'mine' RETURNING id") == [1]
    assert ids("DELETE FROM plugin_orders WHERE id = 2 RETURNING id") == []
    with pytest.raises(SqlFailed):
        postgresql.run("default", "INSERT INTO plugin_orders VALUES (3, 2, 'planted')", grant=GRANT)
    with pytest.raises(SqlFailed):
        postgresql.run("default", "UPDATE plugin_orders SET tenant = 2", grant=GRANT)


@pytest.mark.parametrize(("alias", "has_role"), [("default", False), ("default", True), ("sqlite", False)])
def test_sq_22_a_swallowed_error_costs_only_its_own_statement(settings: Settings, alias: str, has_role: bool) -> None:
    settings.WASM_PLUGINS_DATABASES = {"default": alias}
    insert = "INSERT INTO shop_product (sku, name, price_cents, stock) VALUES ($1, 'made by a plugin', 1, 1)"
    steps = [
        sql(insert, "a"),
        sql(insert, "a", may_fail=True),
        sql("SELECT secret FROM nowhere", may_fail=True),
        sql("COMMIT", may_fail=True),
        sql(insert, "b"),
    ]
    install(
        plugin_component("careless", hooks={"write": text_hook(ok("done", first=steps))}),
        grants=granted(shop_product=["select", "insert"]),
    )
    if has_role:
        give_role("default", TableGrant.from_scope({"tables": {"shop_product": ["select", "insert"]}}), "careless")
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        assert get_plugin_manager().call_hook_dynamic("write", 1, "", using=alias).values == ["done"]
        cursor.execute("SELECT sku FROM shop_product WHERE name = 'made by a plugin' ORDER BY sku")
        assert cursor.fetchall() == [("a",), ("b",)]
        transaction.set_rollback(True, using=alias)
