"""The breaker where there is one writer, which is the very transaction that the failing call is in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as project_settings

PLAIN = """
from project.settings import *
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "plain.sqlite3",
    "OPTIONS": MODE}}
WASM_PLUGINS_BREAKER_SLEEP_S = 1
WASM_PLUGINS_SYNC_INTERVAL_S = 0
from project.settings import BASE_DIR
WASM_PLUGINS_CACHE_DIR = BASE_DIR / "var" / "compiled"
"""

ACT = """
import time, django
django.setup()
from collections import Counter
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import transaction
call_command("migrate", verbosity=0)
from tests.components import plugin_component, text_hook
from tests.hostile.bodies import busy
from tests.installed import install
from wasm_plugins import get_plugin_manager
from wasm_plugins.exceptions import PluginError
from wasm_plugins.models import VersionHealth
from wasm_plugins.outbox import outbox

Group.objects.create(name="of the caller")
install(plugin_component("bad", hooks={"guard-opened": text_hook(busy(200_000_000, "fine"))}))

def ask(deadline_ms=1):
    try:
        with transaction.atomic():
            Group.objects.update(name="the caller writes, too")  # and waits for its turn, as a first read would not
            get_plugin_manager().call_hook_dynamic("guard-opened", 1, "", deadline_ms=deadline_ms)
        return "ok"
    except PluginError as error:
        return error.code

assert [ask() for _ in range(6)] == ["deadline-exceeded"] * 5 + ["plugin-asleep"]
outbox.flush()
assert VersionHealth.objects.get().times_opened == 1
time.sleep(1.1)
assert [ask(), ask()] == ["deadline-exceeded", "plugin-asleep"]
outbox.flush()
assert VersionHealth.objects.get().times_opened == 2
time.sleep(2.1)
assert [ask(20_000) for _ in range(3)] == ["ok"] * 3
outbox.flush()
assert VersionHealth.objects.get().open_until is None
print("well")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "mode", ['{"transaction_mode": "IMMEDIATE", "timeout": 20}', "{}"], ids=["as-advised", "plain"]
)
def test_a_version_falls_asleep_is_tried_and_wakes_within_transactions_on_sqlite(tmp_path: Path, mode: str) -> None:
    (tmp_path / "plain_settings.py").write_text(PLAIN.replace("MODE", mode))
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "plain_settings",
        "PYTHONPATH": f"{tmp_path}:{project_settings.BASE_DIR}",
        "SHOP_DATA": str(tmp_path),
        "SHOP_DATABASE": "",
    }
    done = subprocess.run([sys.executable, "-c", ACT], env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout.endswith("well\n"), done.stderr
