"""How processes notice that something changed, and when the fleet last looked into storage."""

from __future__ import annotations

import uuid
from typing import Final, NamedTuple

from django.db import connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, Value

_ISOLATION: Final = "transaction_isolation"
_OF_ALL: Final = 1
_OF_SLEEPS: Final = 2
_NEVER: Final = (None, 0, "")
_SEES_ALL: Final = "read committed"
"""The level of PostgreSQL at which each statement sees all that was committed before it began."""


class State(NamedTuple):
    """A generation as somebody read it."""

    token: uuid.UUID | None
    """``None`` before the first change."""

    number: int
    is_of_now: bool
    """Whether it was the last one committed when it was read, and not the last one when a transaction began."""

    sleeps: uuid.UUID | None = None
    """The same, of which versions sleep."""

    sleeps_number: int = 0

    def is_as(self, other: State) -> bool:
        """Tell whether nothing changed between the two."""
        return (self.token, self.sleeps) == (other.token, other.sleeps)

    def is_before(self, other: State) -> bool:
        """Tell whether something changed since, by the numbers; a restored database counts anew."""
        return (self.number, self.sleeps_number) < (other.number, other.sleeps_number)


class Generation(models.Model):
    """One row that changes with all that a registry snapshot is made of, and one of which versions sleep.

    That a version falls asleep or wakes comes by itself and is quickly read, so it is told apart.
    """

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
    def bump(cls, *, only_sleeps: bool = False) -> uuid.UUID:
        """Say that something changed, in the caller's transaction, and return the token of the new state.

        Args:
            only_sleeps: Whether nothing did but which versions sleep.
        """
        token, row = uuid.uuid4(), _OF_SLEEPS if only_sleeps else _OF_ALL
        with transaction.atomic():
            cls.objects.get_or_create(pk=row)
            cls.objects.filter(pk=row).update(number=F("number") + 1, token=token)
        return token

    @classmethod
    def current_token(cls) -> uuid.UUID | None:
        """Return the token of now, or ``None`` before the first change."""
        return cls.current_state().token

    @classmethod
    def current_state(cls) -> State:
        """Return the generation of now, or what the caller's transaction takes for it."""
        rows = cls.objects.filter(pk__in=(_OF_ALL, _OF_SLEEPS))
        connection = connections[rows.db]
        isolation: Func | Value = Value("")
        if is_asked := connection.in_atomic_block and connection.vendor == "postgresql":
            isolation = Func(Value(_ISOLATION), function="current_setting", output_field=models.CharField())
        found = {
            row: (token, number, level)
            for row, token, number, level in rows.values_list("pk", "token", "number", isolation)
        }
        token, number, level = found.get(_OF_ALL, _NEVER)
        sleeps, sleeps_number, level = found.get(_OF_SLEEPS, (*_NEVER[:2], level))
        if is_asked and not found:
            level = _isolation(connection)
        is_of_now = level == _SEES_ALL if is_asked else not connection.in_atomic_block
        return State(token, number, is_of_now, sleeps, sleeps_number)


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
