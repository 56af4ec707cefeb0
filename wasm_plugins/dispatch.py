"""Asks the plugins that answer a hook, one after another, each in its own savepoint."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from django.db import DEFAULT_DB_ALIAS, transaction

from .exceptions import HookVetoed, LinkError, PluginError, PluginFailed
from .results import HookResult, HookResults
from .runtime.values import CountMismatch, ValueMismatch
from .snapshot import ActivePlugin

Mode = Literal["all", "filter", "first", "veto"]
OnError = Literal["raise", "skip"]
Ask = Callable[[ActivePlugin, Sequence[Any]], Any]
"""Calls one plugin with arguments and returns its answer, or raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookOptions:
    """How a hook is called."""

    mode: Mode = "all"
    """``all``: everybody answers. ``filter``: each answer is the next one's first argument. ``first``: stop at the
    first answer that is not none. ``veto``: the first ``err`` raises."""

    on_error: OnError = "raise"
    """``raise``: the first error undoes what all plugins did and raises. ``skip``: that plugin's own changes are undone
    and the others go on."""

    using: str = DEFAULT_DB_ALIAS
    """Database whose transaction the plugins share."""

    deadline_ms: int | None = None
    """Budget of each plugin, in milliseconds; ``None`` means the project's default."""

    def __post_init__(self) -> None:
        if self.mode not in ("all", "filter", "first", "veto"):
            raise ValueError(f"mode is {self.mode!r}; it must be all, filter, first or veto")
        if self.on_error not in ("raise", "skip"):
            raise ValueError(f"on_error is {self.on_error!r}; it must be raise or skip")
        if self.deadline_ms is not None and self.deadline_ms < 1:
            raise ValueError(f"deadline_ms is {self.deadline_ms}; it must be at least 1")


_declared: Final[dict[str, HookOptions]] = {}


def declare_options(name: str, options: HookOptions) -> None:
    """Remember how a declared hook is called, for whoever calls it by name."""
    _declared[name] = options


def options_of(name: str, **changed: Any) -> HookOptions:
    """Return how a hook is called: as declared, else as by default, and changed where the caller says so.

    Raises:
        TypeError: There is no such option.
        ValueError: An option is out of range.
    """
    return replace(_declared.get(name, HookOptions()), **changed)


def dispatch(plugins: Sequence[ActivePlugin], args: Sequence[Any], ask: Ask, options: HookOptions) -> HookResults:
    """Ask plugins in order and return their answers; all of it in one ``atomic`` block.

    Raises:
        PluginError: A plugin failed and the hook does not skip errors, or a plugin vetoed.
        Exception: Whatever went wrong in the host: no plugin may answer for that.
    """
    results = unanswered(args, options)
    with transaction.atomic(using=options.using):
        for plugin in plugins:
            result = _ask_one(plugin, args, ask, options)
            results.append(result)
            if result.error is not None:
                continue
            if options.mode == "filter":
                results.value = result.value
                args = (result.value, *args[1:])
            elif options.mode == "first" and result.value is not None:
                results.value = result.value
                break
    return results


def unanswered(args: Sequence[Any], options: HookOptions) -> HookResults:
    """Return what a hook amounts to before anybody answered."""
    results = HookResults()
    if options.mode == "filter" and args:
        results.value = args[0]
    return results


def _own_savepoint(options: HookOptions) -> AbstractContextManager[None]:
    """Give a plugin a savepoint of its own; where its error undoes the whole hook, that of the hook is enough."""
    return transaction.atomic(using=options.using) if options.on_error == "skip" else nullcontext()


def _ask_one(plugin: ActivePlugin, args: Sequence[Any], ask: Ask, options: HookOptions) -> HookResult:
    started = time.perf_counter()
    value: Any = None
    error: PluginError | None = None
    try:
        with _own_savepoint(options):
            value = ask(plugin, args)
    except PluginError as failure:
        error = _judge(failure.about(plugin.name, plugin.version), options)
    except (CountMismatch, ValueMismatch) as mismatch:
        if options.on_error != "skip":
            raise
        # Of a hook that the project never declared, nobody checked the type: a plugin must not end what skips errors.
        error = LinkError(str(mismatch), missing="arguments", plugin=plugin.name, version=plugin.version)
    return HookResult(
        plugin=plugin.name,
        version=plugin.version,
        value=value,
        error=error,
        elapsed_ms=(time.perf_counter() - started) * 1000,
    )


def _judge(failure: PluginError, options: HookOptions) -> PluginError:
    """Return an error that is skipped; raise any other."""
    if options.mode == "veto" and isinstance(failure, PluginFailed):
        raise HookVetoed(
            failure.detail, export=failure.export, plugin=failure.plugin, version=failure.version
        ) from failure
    if options.on_error == "raise":
        raise failure
    return failure
