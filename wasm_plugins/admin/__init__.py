"""The plugin pages of Django's admin: thin views over functions that work without it."""

from .audit import AuditEntryAdmin
from .keys import TrustedKeyAdmin
from .keyvalue import KeyValueAdmin, KeyValueUsageAdmin
from .plugins import PluginAdmin
from .runs import TaskRunAdmin
from .schedules import ScheduleAdmin
from .stored import StoredObjectAdmin
from .tokens import ApiTokenAdmin
from .versions import PluginVersionAdmin

__all__ = [
    "ApiTokenAdmin",
    "AuditEntryAdmin",
    "KeyValueAdmin",
    "KeyValueUsageAdmin",
    "PluginAdmin",
    "PluginVersionAdmin",
    "ScheduleAdmin",
    "StoredObjectAdmin",
    "TaskRunAdmin",
    "TrustedKeyAdmin",
]
