"""What stands before each call of a plugin: whether it may begin, and what its end means for the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from .. import components
from ..call_counts import call_counts
from ..exceptions import (
    AnswerRefused,
    CompileError,
    DeadlineExceeded,
    LimitExceeded,
    PluginError,
    PluginFailed,
    PluginTrapped,
)
from ..host.sql.errors import StatementCut
from ..runtime.limits import Limits
from ..snapshot import ActivePlugin
from .breaker import breaker
from .bulkhead import bulkhead

_COUNT: Final = (PluginTrapped, LimitExceeded, DeadlineExceeded, AnswerRefused, CompileError)
"""Failures of a version. A ``LinkError`` is none: while a release is rolled out, only the older hosts have it."""

_OF_THE_CALLER: Final = ("depth", "argument_bytes")
"""Limits that whoever calls goes over: the one before in a filter, or a stranger with a long request."""


_MOST_CAUSES: Final = 32

Watch = Callable[[ActivePlugin, Limits], AbstractContextManager[None]]
"""What stands before a call."""


@contextmanager
def watched(plugin: ActivePlugin, limits: Limits) -> Iterator[None]:
    """Let a call begin if the plugin is awake and not busy, and learn from how it ends.

    Takes microseconds, and asks the database only when a version that sleeps may be tried again.

    Raises:
        PluginAsleep: The version failed too often.
        PluginBusy: As many calls of it as may run at once in this process do run.
    """
    with bulkhead.entered(plugin, limits.concurrent_calls):
        pass_ = breaker.admit(plugin, limits)
        try:
            with components.running(plugin.digest):
                yield
        except PluginFailed:
            breaker.note_success(plugin, pass_)  # it ran well, and said no
            _count(plugin)
            raise
        except Exception as error:
            if is_its_fault := _is_its_fault(error, plugin):
                breaker.note_failure(plugin, pass_, error)
            _count(plugin, has_failed=is_its_fault)
            raise
        breaker.note_success(plugin, pass_)
        _count(plugin)


def _count(plugin: ActivePlugin, *, has_failed: bool = False) -> None:
    if plugin.is_recorded:
        call_counts.add(plugin.name, has_failed=has_failed)


@contextmanager
def tried(plugin: ActivePlugin, limits: Limits) -> Iterator[None]:
    """Let a call begin that an admin makes to see how it goes: it counts neither for nor against the version.

    A process that dies of it does count.

    Raises:
        PluginBusy: As many calls of the plugin as may run at once in this process do run.
    """
    with bulkhead.entered(plugin, limits.concurrent_calls), components.running(plugin.digest):
        yield


@contextmanager
def loading(plugin: ActivePlugin) -> Iterator[None]:
    """Let a component be loaded before its call is made, unless the version sleeps; learn from a failure.

    Raises:
        PluginAsleep: The version failed too often.
    """
    breaker.check_awake(plugin)
    try:
        yield
    except Exception as error:
        if _is_its_fault(error, plugin):
            breaker.note_failure(plugin, False, error)
        raise


def _is_its_fault(error: Exception, plugin: ActivePlugin) -> bool:
    """Tell whether a failure is the version's own: not its caller's, its host's, or that of a plugin it led to."""
    if (cut := _find_cut(error)) is not None:
        cut.blamed = cut.blamed or plugin.name
        return cut.blamed == plugin.name
    if not isinstance(error, _COUNT):
        return False
    if isinstance(error, LimitExceeded) and error.limit in _OF_THE_CALLER:
        return False
    assert isinstance(error, PluginError)
    return error.plugin in (None, plugin.name)


def _find_cut(error: BaseException | None) -> StatementCut | None:
    """Return what a failure of the database began with, if that is our own watchdog's cutting the connection."""
    for _ in range(_MOST_CAUSES):
        if error is None or isinstance(error, StatementCut):
            return error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None
