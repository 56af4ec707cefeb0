"""Runs of plugin tasks: asked for, queued with django-rq, performed by a worker, and found again when lost."""

from .cancel import cancel_run
from .job import PluginJob
from .perform import perform_run
from .request import request_run
from .retry import retry_run
from .status import describe_run
from .sweeper import SweepReport, sweep
from .worker import PluginWorker

__all__ = [
    "PluginJob",
    "PluginWorker",
    "SweepReport",
    "cancel_run",
    "describe_run",
    "perform_run",
    "request_run",
    "retry_run",
    "sweep",
]
