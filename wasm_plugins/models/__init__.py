"""What is recorded: plugins, their versions, what they declare, what was granted, what ran, and who did what."""

from .agreement import Agreement
from .audit import AuditEntry
from .declared import Hook, Route, Task
from .generation import Generation, SyncState
from .health import VersionHealth
from .plugin import Grant, Plugin, PluginVersion, StoredObject
from .process import ServingProcess
from .secret import Secret
from .taskrun import TaskRun
from .trust import TrustedKey

__all__ = [
    "Agreement",
    "AuditEntry",
    "Generation",
    "Grant",
    "Hook",
    "Plugin",
    "PluginVersion",
    "Route",
    "Secret",
    "ServingProcess",
    "StoredObject",
    "SyncState",
    "Task",
    "TaskRun",
    "TrustedKey",
    "VersionHealth",
]
