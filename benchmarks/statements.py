"""What a plugin's SQL statement takes on top of the statement itself."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final

from django.db import connections, transaction
from django.test import override_settings

from project.shop.models import Product
from tests.components import ok, plugin_component, sql, text_hook
from tests.installed import install, tables
from wasm_plugins import get_plugin_manager
from wasm_plugins.host.sql import roles_apply
from wasm_plugins.scopes.tables import TableGrant

from . import ours
from .measure import Rival, measure

MOST_MS: Final = 1.0
STATEMENTS: Final[Mapping[str, str]] = {
    "SELECT": "SELECT id, name FROM shop_product WHERE sku = $1",
    "UPDATE": "UPDATE shop_product SET stock = stock + 1 WHERE sku = $1",
}
_MANY: Final = 20
"""Statements of one call: what the call itself takes is subtracted, and should be little beside them."""

_SKU: Final = "measured"
_GRANT: Final = tables(shop_product=["select", "update"])


@dataclass(frozen=True, slots=True)
class Statement:
    """Wall-clock milliseconds of one statement."""

    database: str
    kind: str
    plain_ms: float
    """By the host itself, with Django's cursor."""

    more_ms: float
    """What a plugin's takes more: median over rounds, each compared within itself."""


def measure_statements(alias: str, *, rounds: int, with_role: bool = False) -> list[Statement]:
    """Run each statement as the host does, and as a plugin does in a hook.

    Args:
        alias: The database.
        rounds: How often everybody has a turn.
        with_role: Whether the plugin has its own role and function there (PostgreSQL).
    """
    name = f"statements-{alias}-{'role' if with_role else 'proof'}"
    hooks = {kind: text_hook(ok("", first=[sql(text, _SKU)] * _MANY)) for kind, text in STATEMENTS.items()}
    named = {f"{name}-{kind.lower()}": hook for kind, hook in hooks.items()}
    plugin = install(plugin_component(name, hooks={**named, f"{name}-none": text_hook(ok(""))}), grants=_GRANT)
    try:
        with _on(alias), _role(alias, name, with_role), transaction.atomic(using=alias):
            get_plugin_manager().reload()
            Product.objects.using(alias).create(sku=_SKU, name="tea", price_cents=1, stock=1)
            found = [_measured(alias, name, kind, rounds) for kind in STATEMENTS]
            transaction.set_rollback(True, using=alias)
    finally:
        ours.remove(plugin)
    return [Statement(f"{alias}, own role" if with_role else alias, *each) for each in found]


def _measured(alias: str, name: str, kind: str, rounds: int) -> tuple[str, float, float]:
    competing = [
        Rival("plain", partial(_plain, alias, STATEMENTS[kind].replace("$1", "%s"))),
        Rival("none", _call(f"{name}-none", alias), [""]),
        Rival("many", _call(f"{name}-{kind.lower()}", alias), [""]),
    ]
    took = {each: timing.wall_us for each, timing in measure(competing, rounds=rounds).items()}
    turns = zip(took["many"], took["none"], took["plain"], strict=True)
    more_us = statistics.median((many - none - plain) / _MANY for many, none, plain in turns)
    return kind, statistics.median(took["plain"]) / _MANY / 1_000, more_us / 1_000


def _plain(alias: str, text: str) -> None:
    with connections[alias].cursor() as cursor:
        for _ in range(_MANY):
            cursor.execute(text, [_SKU])
            if cursor.description:
                cursor.fetchall()


def _call(hook: str, alias: str) -> Callable[[], object]:
    return lambda: get_plugin_manager().call_hook_dynamic(hook, 1, "", using=alias, deadline_ms=60_000).values


@contextmanager
def _on(alias: str) -> Iterator[None]:
    with override_settings(WASM_PLUGINS_DATABASES={"default": alias}, WASM_PLUGINS_SQL_STATEMENTS=10_000):
        yield


@contextmanager
def _role(alias: str, plugin: str, with_role: bool) -> Iterator[None]:
    if not with_role:
        yield
        return
    grant = TableGrant.from_scope(_GRANT["database"])
    roles_apply.apply(alias, roles_apply.plan(alias, plugin, grant).statements)
    yield
