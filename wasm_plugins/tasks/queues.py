"""Opens RQ's queues, on connections that are kept from one time to the next."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

from django.conf import settings
from django_rq import get_connection, get_queue
from rq import Queue
from rq.serializers import JSONSerializer

from .job import PluginJob

PATIENCE_S: Final = 2.0
"""How long each exchange with Redis may take."""

_IDLE_S: Final = 30
"""After how long without use a connection is looked at before it is used again: it may be gone without a word."""


class _Connections:
    """The connection of each queue, which is a pool of redis-py's and so for any thread."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Know of none: those of a parent process are the parent's."""
        self._kept: dict[str, tuple[Mapping[str, Any], Any]] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Any:
        """Return a queue's connection, as the project's settings have it now."""
        wanted = settings.RQ_QUEUES[name]
        with self._lock:
            made_for, connection = self._kept.get(name, (None, None))
            if made_for != wanted:
                connection = _new(name)
                self._kept[name] = dict(wanted), connection
        return connection

    def drop(self, name: str, connection: Any) -> None:
        """Have the next one ask for another connection; who uses this one may go on."""
        with self._lock:
            if self._kept.get(name, (None, None))[1] is connection:
                del self._kept[name]
        with suppress(Exception):  # why it is dropped counts, and not how that goes: some pools take no argument
            connection.connection_pool.disconnect(inuse_connections=False)


_connections: Final = _Connections()
os.register_at_fork(after_in_child=_connections.reset)


@contextmanager
def opened_queue(name: str) -> Iterator[Queue]:
    """Open an RQ queue that speaks JSON and enqueues at once, while the block runs.

    What is half sent or half read when the block fails is nobody else's answer: the connection is not used again.

    Raises:
        KeyError: ``RQ_QUEUES`` has no such queue.
    """
    connection = _connections.get(name)
    queue = get_queue(name, connection=connection, commit_mode="auto", serializer=JSONSerializer, job_class=PluginJob)
    assert isinstance(queue, Queue)
    try:
        yield queue
    except BaseException:
        _connections.drop(name, connection)
        raise


def _new(name: str) -> Any:
    connection = get_connection(name)
    # Somebody's request may wait for this, and a Redis that hangs is worse than one that is away.
    options = connection.connection_pool.connection_kwargs
    for option in ("socket_timeout", "socket_connect_timeout"):
        options[option] = min(options.get(option) or PATIENCE_S, PATIENCE_S)
    options["health_check_interval"] = options.get("health_check_interval") or _IDLE_S
    return connection
