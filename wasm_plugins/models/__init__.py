"""What is recorded: plugins, their versions, what they declare, what was granted, what ran, and who did what."""

from .audit import AuditEntry
from .counts import CallCount
from .declared import Hook, Route, Task
from .generation import Generation, SyncState
from .health import VersionHealth
from .plugin import Grant, Plugin, PluginVersion, StoredObject
from .secret import Secret
from .taskrun import TaskRun
from .trust import TrustedKey

__all__ = [
    "AuditEntry",
    "CallCount",
    "Generation",
    "Grant",
    "Hook",
    "Plugin",
    "PluginVersion",
    "Route",
    "Secret",
    "StoredObject",
    "SyncState",
    "Task",
    "TaskRun",
    "TrustedKey",
    "VersionHealth",
]
