"""A grant's scope is read within bounds and allows what it says, nothing else."""

from __future__ import annotations

import pytest

from wasm_plugins.scopes.tables import TableGrant


def test_a_grant_allows_what_it_names() -> None:
    grant = TableGrant.from_scope({"tables": {"shop_order": ["select", "update"]}})
    assert grant.allows("shop_order", "select")
    assert grant.allows("shop_order", "update")
    assert not grant.allows("shop_order", "delete")
    assert not grant.allows("shop_item", "select")
    assert not grant.allows("Shop_Order", "select")
    assert ("shop_order" in grant, "shop_item" in grant) == (True, False)


def test_an_empty_scope_allows_nothing() -> None:
    assert not TableGrant.from_scope({}).allows("shop_order", "select")


@pytest.mark.parametrize(
    "scope",
    [
        {"table": {}},
        {"tables": []},
        {"tables": {"Shop": ["select"]}},
        {"tables": {"public.shop": ["select"]}},
        {"tables": {"shop\n": ["select"]}},
        {"tables": {'"shop"': ["select"]}},
        {"tables": {"1shop": ["select"]}},
        {"tables": {"": ["select"]}},
        {"tables": {"a" * 64: ["select"]}},
        {"tables": {"pg_authid": ["select"]}},
        {"tables": {"sqlite_master": ["select"]}},
        {"tables": {1: ["select"]}},
        {"tables": {"shop": []}},
        {"tables": {"shop": "select"}},
        {"tables": {"shop": ["SELECT"]}},
        {"tables": {"shop": ["truncate"]}},
        {"tables": {"shop": [["select"]]}},
        {"tables": {"shop": ["select"] * 5}},
        {"tables": {f"shop{at}": ["select"] for at in range(65)}},
    ],
    ids=lambda scope: str(scope)[:40],
)
def test_a_scope_of_another_shape_is_refused(scope: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        TableGrant.from_scope(scope)
