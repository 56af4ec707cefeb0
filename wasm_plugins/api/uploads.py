"""How many uploads are taken: so many of one user in a minute, and so many at once in one process."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.utils import timezone

from ..conf import conf
from ..models import AuditEntry
from .refusals import Refusal


class _Room:
    """Knows whose uploads this process takes just now."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Count anew, in a forked process."""
        self._lock = threading.Lock()
        self._users: set[Any] = set()

    @contextmanager
    def one(self, user_id: Any) -> Iterator[None]:
        """Take a place while the block runs; who sends slowly holds no more than one.

        Raises:
            Refusal: All are taken, or the user has one.
        """
        with self._lock:
            if user_id in self._users:
                raise Refusal("server-busy", "another upload of this user is being checked: try again in some seconds")
            if len(self._users) >= conf.API_CONCURRENT_UPLOADS:
                raise Refusal("server-busy", "other uploads are being checked: try again in some seconds")
            self._users.add(user_id)
        try:
            yield
        finally:
            with self._lock:
                self._users.discard(user_id)


room = _Room()
os.register_at_fork(after_in_child=room.reset)


def check_rate(user: Any) -> None:
    """Refuse a user whose uploads of the last minute, taken or refused, are as many as may be; one query.

    The audit trail is what is counted, so all processes count the same, and uploads in the admin count as well.

    Raises:
        Refusal: They are.
    """
    a_minute_ago = timezone.now() - timedelta(minutes=1)
    count = AuditEntry.objects.filter(at__gte=a_minute_ago, act="upload", user_id=user.pk).count()
    if count >= conf.API_UPLOADS_PER_MINUTE:
        limit = conf.API_UPLOADS_PER_MINUTE
        raise Refusal("too-many-requests", f"{limit} uploads a minute are the limit: try again later", Retry_After="60")
