"""``plugins worker``: performs runs of plugins' tasks, and no other jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser
from django_rq.settings import get_queues_map
from redis.exceptions import RedisError

from ...conf import conf
from ...tasks.work import work
from .answer import Answer, Usage

HELP: Final = "Perform runs of plugins' tasks, until SIGTERM or Ctrl-C."


def add_arguments(parser: CommandParser) -> None:
    """Take the queues, and how to work."""
    parser.add_argument("queues", nargs="*", metavar="QUEUE", help="Queues, the most urgent first.")
    parser.add_argument("--simple", action="store_true", help="Perform jobs in this process, not one for each.")
    parser.add_argument("--burst", action="store_true", help="End when the queues are empty.")


def run(options: Mapping[str, Any]) -> Answer:
    """Work; what happens meanwhile is in the log."""
    queues = options["queues"] or [conf.QUEUE]
    known = get_queues_map()
    for queue in queues:
        if queue not in known:
            raise Usage(f"RQ_QUEUES has no queue {queue}; known are {', '.join(sorted(known))}")
    data = {"queues": queues}
    try:
        work(queues, simple=options["simple"], burst=options["burst"])
    except RedisError as error:
        return Answer(data, "", f"Redis does not answer, or refuses: {error}")
    except ValueError as error:  # of django-rq's: queues on two Redis servers
        raise Usage(str(error)) from error
    return Answer(data, "stopped")
