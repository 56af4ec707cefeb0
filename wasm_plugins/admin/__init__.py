"""The plugin pages of Django's admin: thin views over functions that work without it."""

from .plugins import PluginAdmin
from .runs import TaskRunAdmin
from .stored import StoredObjectAdmin

__all__ = ["PluginAdmin", "StoredObjectAdmin", "TaskRunAdmin"]
