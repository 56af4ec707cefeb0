"""Who did what to which plugin, and for whom plugins were called: rows that are only ever added."""

from .acts import record_act

__all__ = ["record_act"]
