"""What is recorded: plugins, their versions, what they declare, what was granted, what ran, and who did what."""

from .audit import AuditEntry
from .declared import Hook, Route, Task
from .generation import Generation, SyncState
from .health import VersionHealth
from .kept_call import KeptCall
from .plugin import Grant, Plugin, PluginVersion, StoredObject
from .secret import Secret
from .taskrun import TaskRun
from .token import ApiToken
from .trust import TrustedKey

__all__ = [
    "ApiToken",
    "AuditEntry",
    "Generation",
    "Grant",
    "Hook",
    "KeptCall",
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
