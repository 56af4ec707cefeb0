"""The shop's order and the plugin's points are both there, or neither, whatever ends the plugin, on both databases."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings

from project.shop.models import LoyaltyPoints, Order
from tests.components import err, log, ok, plugin_component, spin, sql, text_hook, trap
from tests.installed import install, tables
from wasm_plugins import get_plugin_manager
from wasm_plugins.exceptions import DeadlineExceeded, PluginFailed, PluginTrapped

pytestmark = pytest.mark.django_db(databases=["default", "sqlite"], transaction=True)

ORDER = 4_711
CREDIT = sql(
    "INSERT INTO shop_loyaltypoints (order_id, points, created_at) VALUES ($1, 12, '2026-01-01 00:00:00')", ORDER
)


@pytest.fixture(params=["default", "sqlite"])
def alias(request: pytest.FixtureRequest, settings: Settings) -> str:
    """Let the shop and the plugin use each of the two databases."""
    alias: str = request.param
    settings.WASM_PLUGINS_DATABASES = {"default": alias}
    return alias


def check_out(alias: str, **options: Any) -> list[Any]:
    """Do what the shop's checkout does, on either database."""
    with transaction.atomic(using=alias):
        order = Order(pk=ORDER, email="ann@example.org", note="", total_cents=1_234)
        order.save(using=alias, force_insert=True)
        return get_plugin_manager().call_hook_dynamic("order-placed", order.pk, "", using=alias, **options).values


def saved(alias: str) -> tuple[int, int]:
    return Order.objects.using(alias).count(), LoyaltyPoints.objects.using(alias).count()


def credit_then(body: Any) -> None:
    component = plugin_component("points", hooks={"order-placed": text_hook(body)})
    install(component, grants=tables(shop_loyaltypoints=["insert"]))


def test_both_are_there_when_the_plugin_answers(alias: str) -> None:
    credit_then(ok("12 points", first=[CREDIT]))
    assert check_out(alias) == ["12 points"]
    assert saved(alias) == (1, 1)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (err("no", first=[CREDIT]), PluginFailed),
        (trap(first=[CREDIT]), PluginTrapped),
        (spin(first=[CREDIT]), DeadlineExceeded),
    ],
)
def test_neither_is_there_after_an_err_a_trap_or_a_deadline(alias: str, body: Any, error: type[Exception]) -> None:
    credit_then(body)
    with pytest.raises(error):
        check_out(alias, deadline_ms=200)
    assert saved(alias) == (0, 0)


CHECK_OUT_IN_A_CHILD = """
import sys, django
django.setup()
from django.conf import settings
settings.WASM_PLUGINS_DATABASES = {"default": sys.argv[1]}
from tests.integration.test_both_or_neither import check_out
import logging
logging.getLogger("wasm_plugins").setLevel(logging.ERROR)
print("begun", flush=True)
check_out(sys.argv[1], deadline_ms=60_000)
"""


def test_neither_is_there_when_the_process_is_killed_between_them(
    alias: str, child_environment: dict[str, str], plugin_folder: Any
) -> None:
    credit_then(spin(first=[CREDIT, log("credited")]))
    command = [sys.executable, "-c", CHECK_OUT_IN_A_CHILD, alias]
    with subprocess.Popen(command, env=child_environment, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "begun"
        _wait_until_it_spins(child.pid)
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait(timeout=10) == -signal.SIGKILL
    assert saved(alias) == (0, 0)
    credit_then(ok("12 points", first=[CREDIT]))
    check_out(alias)
    assert saved(alias) == (1, 1)  # and nothing that it held is in the way


def _wait_until_it_spins(pid: int) -> None:
    """Wait until a process used most of half a second of a processor's time twice in a row."""
    ticks = os.sysconf("SC_CLK_TCK")
    until, busy, before = time.monotonic() + 30, 0, 0.0
    while busy < 2 and time.monotonic() < until:
        time.sleep(0.5)
        with open(f"/proc/{pid}/stat") as stat:
            used = int(stat.read().rsplit(")", 1)[1].split()[11]) / ticks
        busy, before = (busy + 1 if used - before > 0.25 else 0), used
    assert busy == 2, "the plugin never ran"
