"""Who did what to which plugin, and for whom plugins were called: rows that are only ever added."""

from .acts import record_act
from .calls import QUEUED, CallRecord, Superseded, attributed, note_write, record_soon
from .means import by_token

__all__ = ["QUEUED", "CallRecord", "Superseded", "attributed", "by_token", "note_write", "record_act", "record_soon"]
