"""One question that another thread is to answer while somebody waits, and what becomes of an answer that is late."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

_Found = TypeVar("_Found")

logger = logging.getLogger(__name__)


class Question(Generic[_Found]):
    """Something to be done for whoever waits; nobody gets an answer, and nothing stays done, once he has given up."""

    def __init__(self, act: Callable[[], _Found], undo: Callable[[_Found], object] | None = None) -> None:
        """Ask.

        Args:
            act: What is to be done.
            undo: Called with what it returned if that came too late.
        """
        self._act: Final = act
        self._undo: Final[Callable[[_Found], Any]] = undo or (lambda found: None)
        self._changed: Final = threading.Condition()
        self._found: list[_Found] = []
        self._is_over = False
        self._is_given_up = False

    def __str__(self) -> str:
        return "a question"

    def wait(self, timeout_s: float) -> _Found | None:
        """Return the answer, or ``None`` if there is none within that many seconds, or doing it failed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_over, timeout_s)
            self._is_given_up = not self._is_over
            return self._found[0] if self._found else None

    def answer(self) -> None:
        """Do it, unless nobody waits any more. Never raises: it is not to be tried again."""
        if self._is_given_up:
            return
        try:
            found = self._act()
            if not self._deliver(found):
                self._undo(found)
        except Exception:
            logger.warning("what somebody waited for could not be done", exc_info=True)
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()

    def _deliver(self, found: _Found) -> bool:
        with self._changed:
            if not self._is_given_up:
                self._found.append(found)
                self._is_over = True
                self._changed.notify_all()
            return not self._is_given_up
