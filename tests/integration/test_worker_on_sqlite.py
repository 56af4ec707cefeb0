"""Real workers on SQLite, where a run's own transaction holds the only writer: set up well, and not at all."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project_settings

from tests.real_parts import RealParts

MANAGE = (sys.executable, project_settings.BASE_DIR / "manage.py")
WORK = ("plugins", "worker", "--burst")

ASK = """
from tests.components import json_handler, log, ok, progress, sql
from tests.tasks.installed import install_plugin
from wasm_plugins.tasks import request_run
steps = [progress(30, "counting"), log("half way")]
steps.append(sql("INSERT INTO auth_group (name) VALUES ($1)", "added"))
tables = {"auth_group": ["insert"]}
install_plugin("loyalty", {"recount": json_handler(ok("{}", first=steps))}, tables=tables)
request_run(plugin="loyalty", handler="recount", input_text="{}")
"""

LOSE_AND_SWEEP = """
from datetime import timedelta
from django.utils import timezone
from django_rq import get_connection
from wasm_plugins.tasks import SweepReport, sweep
get_connection("default").flushdb()
assert sweep(timezone.now() + timedelta(seconds=60)) == SweepReport(requeued=1)
"""

PLAIN = """
from project.settings import *
from project.settings import DATA_DIR
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "plain.sqlite3"}}
"""

INSTALL = """
from tests.components import json_handler, ok, sql
from tests.tasks.installed import install_plugin
steps = [sql("INSERT INTO auth_group (name) SELECT 'added ' || count(*) FROM auth_group")]
tables = {"auth_group": ["select", "insert"]}
install_plugin("loyalty", {"recount": json_handler(ok("{}", first=steps))}, tables=tables)
"""

ASK_TEN_TIMES = """
import threading
from contextlib import nullcontext
from django.db import connection, transaction
from wasm_plugins.registry import registry
from wasm_plugins.tasks import request_run
def ask(in_transaction):
    for _ in range(5):
        registry.invalidate()
        with transaction.atomic() if in_transaction else nullcontext():
            request_run(plugin="loyalty", handler="recount", input_text="{}")
    connection.close()
askers = [threading.Thread(target=ask, args=[each]) for each in (True, False)]
for each in askers:
    each.start()
for each in askers:
    each.join()
"""

WRITE_ALL_THE_TIME = """
import time
from itertools import count
from django.contrib.auth.models import Permission
from django.db import OperationalError
print("writing", flush=True)
for number in count():  # a row that stays the same would be no write
    try:
        Permission.objects.filter(pk=1).update(name=f"written {number} times")
    except OperationalError:
        pass
    time.sleep(0.002)
"""

TELL_ALL = """
import json
from django.contrib.auth.models import Group
from wasm_plugins.models import TaskRun
runs = list(TaskRun.objects.values_list("status", "error", "attempts"))
print(json.dumps([runs, Group.objects.count()]))
"""

TELL = """
import json
from django.contrib.auth.models import Group
from wasm_plugins.models import TaskRun
run = TaskRun.objects.get()
print(json.dumps([run.status, run.error, run.progress_percent, run.log, Group.objects.count()]))
"""


def _environment(real_parts: RealParts, folder: Path, **more: str) -> dict[str, str]:
    ours = {
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "SHOP_DATA": str(folder),
        "SHOP_DATABASE": "",
        "SHOP_REDIS_URL": real_parts.redis.url.removesuffix("/0") + "/1",
        "XDG_CACHE_HOME": str(folder),
    }
    return {**os.environ, **ours, **more}


def _manage(environment: dict[str, str], *arguments: str) -> str:
    return subprocess.run(
        [*MANAGE, *arguments],
        env=environment,
        cwd=project_settings.BASE_DIR,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    ).stdout


def test_a_worker_on_sqlite_performs_a_run_and_keeps_what_it_reported(real_parts: RealParts, tmp_path: Path) -> None:
    environment = _environment(real_parts, tmp_path)
    _manage(environment, "migrate", "--verbosity=0")
    _manage(environment, "shell", "--verbosity=0", "-c", ASK)
    _manage(environment, "shell", "--verbosity=0", "-c", LOSE_AND_SWEEP)
    _manage(environment, *WORK)
    told: list[Any] = json.loads(_manage(environment, "shell", "--verbosity=0", "-c", TELL))
    status, error, percent, log, groups = told
    assert (status, error, percent, groups) == ("finished", "", 30, 1)
    assert "half way" in log


@contextmanager
def _writing_beside(environment: dict[str, str]) -> Iterator[None]:
    """Have another process write to the database all the time, as a website, a sweeper or an admin does."""
    command = [*map(str, MANAGE), "shell", "--verbosity=0", "-c", WRITE_ALL_THE_TIME]
    with subprocess.Popen(
        command, env=environment, cwd=project_settings.BASE_DIR, stdout=subprocess.PIPE, text=True
    ) as writer:
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline()
            yield
        finally:
            writer.kill()


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_with_djangos_own_settings_every_run_finishes_though_others_write(
    real_parts: RealParts, tmp_path: Path, journal: str
) -> None:
    (tmp_path / "plain_settings.py").write_text(PLAIN)
    path = os.pathsep.join([str(tmp_path), str(project_settings.BASE_DIR)])
    environment = _environment(real_parts, tmp_path, DJANGO_SETTINGS_MODULE="plain_settings", PYTHONPATH=path)
    _manage(environment, "migrate", "--verbosity=0")
    with closing(sqlite3.connect(tmp_path / "plain.sqlite3")) as database:
        database.execute(f"PRAGMA journal_mode={journal}")  # is kept in the file
    _manage(environment, "shell", "--verbosity=0", "-c", INSTALL)
    with _writing_beside(environment):
        _manage(environment, "shell", "--verbosity=0", "-c", ASK_TEN_TIMES)
        _manage(environment, *WORK)
    runs, groups = json.loads(_manage(environment, "shell", "--verbosity=0", "-c", TELL_ALL))
    assert runs == [["finished", "", 1]] * 10
    assert groups == 10
