"""Says of this process which generation it serves: now and then, and never in the transaction of whoever calls."""

from __future__ import annotations

import os
import socket
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePath
from typing import Final
from uuid import UUID, uuid4

from django.db.models import Q
from django.db.models.functions import Now

from .conf import conf
from .models import ServingProcess
from .models.generation import State
from .outbox import outbox

FORGOTTEN_AFTER: Final = timedelta(days=1)
"""After how long nobody wants to know of a process any more that says nothing."""

_LEAST_S: Final = 1.0
"""How long a new generation waits to be told if another one was told just before."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What a process says."""

    id: UUID
    pid: int
    state: State
    loaded_at_s: float
    """When it loaded the generation, on ``time.monotonic()``'s clock."""


class _Voice:
    """What this process said last."""

    def __init__(self) -> None:
        self.is_for_children = False
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.id: UUID | None = None
        self.pid = os.getpid()
        self.state = State(None, -1, True)
        self.loaded_at_s = 0.0
        self.told: UUID | None = None
        self.told_at_s = float("-inf")

    def after_fork(self) -> None:
        """Speak as another process, unless the parent speaks for those that it forks."""
        if not self.is_for_children:
            self.reset()


_voice: Final = _Voice()
os.register_at_fork(after_in_child=_voice.after_fork)


def speak_for_children() -> None:
    """Count the processes that this one forks as this one: a worker's horses live for one job each."""
    _voice.id = _voice.id or uuid4()
    _voice.is_for_children = True


def report(state: State) -> None:
    """Note which generation this process serves, where it was not noted a moment ago; writes on another thread.

    Costs two comparisons unless the generation changed or ``PROCESS_REPORT_S`` is over.
    """
    now_s = time.monotonic()
    if state.token != _voice.state.token or _voice.state.number < 0:
        _voice.state, _voice.loaded_at_s = state, now_s
    pause_s = _LEAST_S if state.token != _voice.told else conf.PROCESS_REPORT_S
    if conf.PROCESS_REPORT_S <= 0 or now_s < _voice.told_at_s + pause_s:
        return
    _voice.id = _voice.id or uuid4()
    _voice.told, _voice.told_at_s = state.token, now_s
    outbox.put(_write, _Said(_voice.id, _voice.pid, state, _voice.loaded_at_s))


def _write(things: list[_Said]) -> None:
    """Write what was said last; a work horse, which says the same as the one before it, writes nothing."""
    said = things[-1]
    seen_before = Now() - timedelta(seconds=conf.PROCESS_REPORT_S / 2)
    rows = ServingProcess.objects.filter(pk=said.id)
    is_news = Q(seen_at__lt=seen_before) | ~Q(token=said.state.token)
    if not rows.filter(is_news).exists() and rows.exists():
        return
    loaded_at = Now() - timedelta(seconds=time.monotonic() - said.loaded_at_s)
    columns = {"generation": said.state.number, "token": said.state.token, "seen_at": Now(), "loaded_at": loaded_at}
    named = {"host": socket.gethostname()[:100], "pid": said.pid, "program": _program()}
    ServingProcess.objects.update_or_create(pk=said.id, defaults={**columns, **named})
    ServingProcess.objects.filter(seen_at__lt=Now() - FORGOTTEN_AFTER).delete()


def _program() -> str:
    """Name what runs, without arguments, which may be secret: ``gunicorn``, or ``manage.py plugins worker``."""
    called, *rest = sys.argv or [""]
    path = PurePath(called)
    name = path.parent.name if path.name == "__main__.py" else path.name  # of python -m
    words = 2 if rest[:1] == ["plugins"] else 1
    shown = [name, *rest[:words]] if name.startswith("manage") or name.startswith("django-admin") else [name]
    return " ".join(shown)[:100]
