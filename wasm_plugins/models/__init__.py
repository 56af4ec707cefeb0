"""What is recorded: plugins, their versions, what they declare, what was granted, what ran, and who did what."""

from .agreement import Agreement
from .audit import AuditEntry
from .counts import CallCount
from .declared import Hook, Route, Schedule, Task
from .generation import Generation, SyncState
from .health import VersionHealth
from .kept_call import KeptCall
from .keyvalue import KeyValue, KeyValueUsage
from .plugin import Grant, Plugin, PluginVersion, StoredObject
from .process import ServingProcess
from .secret import Secret
from .taskrun import TaskRun
from .token import ApiToken
from .trust import TrustedKey

__all__ = [
    "Agreement",
    "ApiToken",
    "AuditEntry",
    "CallCount",
    "Generation",
    "Grant",
    "Hook",
    "KeptCall",
    "KeyValue",
    "KeyValueUsage",
    "Plugin",
    "PluginVersion",
    "Route",
    "Schedule",
    "Secret",
    "ServingProcess",
    "StoredObject",
    "SyncState",
    "Task",
    "TaskRun",
    "TrustedKey",
    "VersionHealth",
]
