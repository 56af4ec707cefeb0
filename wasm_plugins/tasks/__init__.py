"""Runs of plugin tasks: asked for, queued with django-rq, performed by a worker, and found again when lost."""

from .cancel import cancel_run
from .job import PluginJob
from .perform import perform_run
from .request import request_run
from .retry import retry_run
from .schedule import next_run, schedule_of
from .schedule_runs import ScheduleReport, run_schedules
from .status import describe_run
from .sweeper import SweepReport, sweep
from .worker import PluginWorker

__all__ = [
    "PluginJob",
    "PluginWorker",
    "ScheduleReport",
    "SweepReport",
    "cancel_run",
    "describe_run",
    "next_run",
    "perform_run",
    "request_run",
    "retry_run",
    "run_schedules",
    "schedule_of",
    "sweep",
]
