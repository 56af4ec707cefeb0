"""``plugins run-task``: ask for a run of a plugin's task, and wait for its end if told to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser

from ...models import TaskRun
from ...tasks import describe_run, request_run
from .answer import Answer, json_argument

HELP: Final = "Queue a run of a plugin's task."
_POLL_S: Final = 0.2
_OVER: Final = (TaskRun.Status.FINISHED, TaskRun.Status.FAILED)


def add_arguments(parser: CommandParser) -> None:
    """Take the plugin, the task, its input, and ``--wait``."""
    parser.add_argument("plugin", metavar="PLUGIN")
    parser.add_argument("task", metavar="TASK")
    parser.add_argument("input", nargs="?", default="{}", metavar="JSON", help="What the task gets; {} if not given.")
    parser.add_argument("--wait", action="store_true", help="Wait until a worker is done with it.")


def run(options: Mapping[str, Any]) -> Answer:
    """Write the run down and queue it; with ``--wait``, a run that failed is a failure of the command."""
    json_argument(options["input"], "input")
    asked = request_run(plugin=options["plugin"], handler=options["task"], input_text=options["input"])
    asked.refresh_from_db()  # queueing it has changed the row
    while options["wait"] and asked.status not in _OVER:
        time.sleep(_POLL_S)
        asked.refresh_from_db()
    data = describe_run(asked)
    name = f"{data['plugin']}: {data['task']}, run {data['id']}"
    if asked.status == TaskRun.Status.FAILED:
        return Answer(data, "", f"{name} failed: {asked.error_code}: {asked.error}")
    if asked.status == TaskRun.Status.FINISHED:
        return Answer(data, f"{name} finished\n{asked.result}".rstrip())
    return Answer(data, f"{name} is {asked.status}")
