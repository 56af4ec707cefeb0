"""How processes notice that something changed, and when the fleet last looked into storage."""

from __future__ import annotations

import uuid

from django.db import models, transaction
from django.db.models import F


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
        return cls.objects.filter(pk=1).values_list("token", flat=True).first()


class SyncState(models.Model):
    """A single row that says when the fleet last looked into storage, so that each interval one process does."""

    last_started_at = models.DateTimeField(null=True)
    last_finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "sync state"
        verbose_name_plural = "sync states"

    def __str__(self) -> str:
        return str(self.last_finished_at)
