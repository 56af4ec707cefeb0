"""``plugins run-task``: ask for a run of a plugin's task, and wait for its end if told to."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser

from ...exceptions import PluginNotFound, TaskNotFound
from ...models import TaskRun
from ...registry import find_snapshot
from ...tasks import describe_run, request_run
from .answer import Answer, get_plugin, json_argument
from .explaining import why_silent

HELP: Final = "Queue a run of a plugin's task."
_POLL_S: Final = 0.2


def add_arguments(parser: CommandParser) -> None:
    """Take the plugin, the task, its input, and ``--wait``."""
    parser.add_argument("plugin", metavar="PLUGIN")
    parser.add_argument("task", metavar="TASK")
    parser.add_argument("input", nargs="?", default="{}", metavar="JSON", help="What the task gets; {} if not given.")
    parser.add_argument("--wait", action="store_true", help="Wait until a worker is done with it.")


def run(options: Mapping[str, Any]) -> Answer:
    """Write the run down and queue it; with ``--wait``, a run that failed is a failure of the command."""
    json_argument(options["input"], "input")
    asked = _request(get_plugin(options["plugin"]).name, options["task"], options["input"])
    asked.refresh_from_db()  # queueing it has changed the row
    if options["wait"]:
        _wait(asked)
    data = describe_run(asked, for_staff=True)
    name = f"{data['plugin']}: {data['task']}, run {data['id']}"
    if asked.status in (TaskRun.Status.FAILED, TaskRun.Status.CANCELLED):
        return Answer(data, "", f"{name} {asked.status}: {asked.error_code}: {asked.error}")
    if asked.status == TaskRun.Status.FINISHED:
        return Answer(data, f"{name} finished\n{asked.result}".rstrip())
    return Answer(data, f"{name} is {asked.status}")


def _request(plugin: str, task: str, input_text: str) -> TaskRun:
    """Ask for the run; somebody who names the handler of a route is told how routes are called."""
    try:
        return request_run(plugin=plugin, handler=task, input_text=input_text)
    except TaskNotFound as error:
        paths = (
            each.path
            for each in find_snapshot().routes.values()
            if each.plugin.name == plugin and each.handler == task and each.process_as_task
        )
        if (path := next(paths, None)) is not None:
            hint = f"it is the handler of a route: plugins call-route POST {path}"
            raise TaskNotFound(f"{error.message}; {hint}", plugin=plugin, version=error.version) from error
        raise
    except PluginNotFound as error:
        raise PluginNotFound(why_silent(plugin) or error.message, plugin=plugin) from error


def _wait(asked: TaskRun) -> None:
    """Block until the run is over, and say on standard error how it stands whenever that changes."""
    told = ""
    while True:
        if asked.status != told:
            told = asked.status
            sys.stderr.write(f"run {asked.pk} is {told}\n")
            sys.stderr.flush()
        if asked.is_over:
            return
        time.sleep(_POLL_S)
        asked.refresh_from_db()
