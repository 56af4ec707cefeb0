"""What is recorded: plugins, their versions, what they declare, what was granted, and what ran."""

from .declared import Hook, Route, Task
from .generation import Generation, SyncState
from .plugin import Grant, Plugin, PluginVersion, StoredObject
from .taskrun import TaskRun

__all__ = [
    "Generation",
    "Grant",
    "Hook",
    "Plugin",
    "PluginVersion",
    "Route",
    "StoredObject",
    "SyncState",
    "Task",
    "TaskRun",
]
