"""Calls a plugin to see how it goes: any version, with an input of one's own, and everything undone afterwards."""

from .call import try_call
from .made import Trial
from .offer import Allowed, trial_snapshot
from .target import HookCall, RouteCall, TaskCall
from .witness import Statement

__all__ = ["Allowed", "HookCall", "RouteCall", "Statement", "TaskCall", "Trial", "trial_snapshot", "try_call"]
