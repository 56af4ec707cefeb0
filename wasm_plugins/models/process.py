"""Which processes serve plugins, and which generation each of them serves."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class ServingProcess(models.Model):
    """What one process said of itself last; one that does nothing says nothing, and after a day is forgotten."""

    id = models.UUIDField(primary_key=True)
    """Made by the process when it began: host and process number come again."""
    host = models.CharField(_("machine"), max_length=100)
    pid = models.PositiveBigIntegerField(_("process"))
    program = models.CharField(_("program"), max_length=100)
    generation = models.PositiveBigIntegerField(_("generation"))
    """The number of the generation that it serves."""
    token = models.UUIDField(null=True)
    """That generation's token."""
    loaded_at = models.DateTimeField(_("serves it since"))
    seen_at = models.DateTimeField(_("last heard of"), db_index=True)

    class Meta:
        verbose_name = _("process")
        verbose_name_plural = _("processes")
        ordering: ClassVar = ["host", "pid"]

    def __str__(self) -> str:
        return f"{self.host} {self.pid}"
