"""How processes notice that something changed, and when the fleet last looked into storage."""

from __future__ import annotations

import uuid
from typing import Final, NamedTuple

from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, Value

_ISOLATION: Final = "transaction_isolation"
_SEES_ALL: Final = "read committed"
"""The level of PostgreSQL at which each statement sees all that was committed before it began."""


class State(NamedTuple):
    """A generation as somebody read it."""

    token: uuid.UUID | None
    """``None`` before the first change."""

    number: int
    is_of_now: bool
    """Whether it was the last one committed when it was read, and not the last one when a transaction began."""


class Generation(models.Model):
    """A single row that changes with everything a registry snapshot is made of."""

    number = models.PositiveBigIntegerField(default=0)
    """Counts changes; for people."""
    token = models.UUIDField(default=uuid.uuid4)
    """New with each change. A number alone would come again after a rollback, for another state."""

    class Meta:
        verbose_name = "generation"
        verbose_name_plural = "generations"

    def __str__(self) -> str:
        return str(self.number)

    @classmethod
    def bump(cls) -> uuid.UUID:
        """Say that something changed, in the caller's transaction, and return the token of the new state."""
        token = uuid.uuid4()
        with transaction.atomic():
            cls.objects.get_or_create(pk=1)
            cls.objects.filter(pk=1).update(number=F("number") + 1, token=token)
        return token

    @classmethod
    def current_token(cls) -> uuid.UUID | None:
        """Return the token of now, or ``None`` before the first change."""
        return cls.current_state().token

    @classmethod
    def current_state(cls) -> State:
        """Return the generation of now, or what the caller's transaction takes for it."""
        rows = cls.objects.filter(pk=1)
        connection = connections[rows.db]
        if not connection.in_atomic_block or connection.vendor != "postgresql":
            token, number = rows.values_list("token", "number").first() or (None, 0)
            return State(token, number, not connection.in_atomic_block)
        isolation = Func(Value(_ISOLATION), function="current_setting", output_field=models.CharField())
        found = rows.annotate(isolation=isolation).values_list("token", "number", "isolation").first()
        token, number, level = found or (None, 0, _isolation(connection))
        return State(token, number, level == _SEES_ALL)


def _isolation(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"SHOW {_ISOLATION}")
        (level,) = cursor.fetchone()
    return str(level)


class SyncState(models.Model):
    """A single row that says when the fleet last looked into storage, so that each interval one process does."""

    last_started_at = models.DateTimeField(null=True)
    last_finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "sync state"
        verbose_name_plural = "sync states"

    def __str__(self) -> str:
        return str(self.last_finished_at)
