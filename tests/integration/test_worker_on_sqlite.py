"""A real worker on SQLite, where a run's own transaction holds the only writer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings as project_settings

from tests.real_parts import RealParts

MANAGE = (sys.executable, project_settings.BASE_DIR / "manage.py")
WORK = ("rqworker", "default", "--burst", "--serializer", "rq.serializers.JSONSerializer")

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

TELL = """
import json
from django.contrib.auth.models import Group
from wasm_plugins.models import TaskRun
run = TaskRun.objects.get()
print(json.dumps([run.status, run.error, run.progress_percent, run.log, Group.objects.count()]))
"""


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
    ours = {
        "DJANGO_SETTINGS_MODULE": "project.settings",
        "SHOP_DATA": str(tmp_path),
        "SHOP_DATABASE": "",
        "SHOP_REDIS_URL": real_parts.redis.url.removesuffix("/0") + "/1",
        "XDG_CACHE_HOME": str(tmp_path),
    }
    environment = {**os.environ, **ours}
    _manage(environment, "migrate", "--verbosity=0")
    _manage(environment, "shell", "--verbosity=0", "-c", ASK)
    _manage(environment, "shell", "--verbosity=0", "-c", LOSE_AND_SWEEP)
    _manage(environment, *WORK)
    told: list[Any] = json.loads(_manage(environment, "shell", "--verbosity=0", "-c", TELL))
    status, error, percent, log, groups = told
    assert (status, error, percent, groups) == ("finished", "", 30, 1)
    assert "half way" in log
