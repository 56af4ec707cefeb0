"""Calls one export of one plugin on behalf of somebody, and sees to it that nothing stays open."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from django.db import IntegrityError
from django.views.decorators.debug import sensitive_variables

from . import audit, components
from .exceptions import AnswerRefused, LinkError, PluginError
from .health import Watch, watched
from .host.configuration import Configuration
from .host.context import CallContext, Report, RunFacts
from .host.session import Session
from .kept_calls import kept
from .runtime import sandbox
from .runtime.log import CallLog
from .runtime.stand_in import Callee
from .runtime.wit import Func
from .secret_reads import discreet
from .snapshot import ActivePlugin

logger = logging.getLogger("wasm_plugins.plugin")

acting_user: Final[ContextVar[Any]] = ContextVar("wasm_plugins_acting_user", default=None)
"""The user on whose behalf plugins are called; a hook inside a route's call inherits the route's user."""

_LEVELS: Final = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}


@sensitive_variables()  # what a plugin was told and says is for no error report
def call_plugin(
    plugin: ActivePlugin,
    export: str,
    args: Sequence[Any],
    *,
    using: str,
    owns_transaction: bool,
    deadline_ms: int,
    expected: Func | None = None,
    convert: Callable[[Any, CallLog], Any] | None = None,
    held_nothing: bool = False,
    log: CallLog | None = None,
    report: Report | None = None,
    run: RunFacts | None = None,
    watch: Watch = watched,
    linked: Callee | None = None,
    is_trial: bool = False,
) -> Any:
    """Run an export of the version that a snapshot names; the caller has a transaction open on ``using``.

    Blocks for at most about ``deadline_ms``, and for the loading of the component before its first call.

    Args:
        plugin: Whom to call.
        export: The function as WIT spells it.
        args: What it gets.
        using: Database whose transaction the call is part of.
        owns_transaction: Whether that transaction is the call's own, or somebody else's.
        deadline_ms: Wall-clock budget in milliseconds.
        expected: The type that the export must have now: the project may have changed a hook since it was verified.
        convert: Makes of the answer what this returns, and may add to the call's log; where it refuses, what the plugin
            wrote is undone.
        held_nothing: Whether no transaction of this thread had run a statement before the call's own began.
        log: Where the plugin's output goes.
        report: Where a task's progress goes.
        run: The run of a task that the call is an attempt of.
        watch: What stands before the call and learns from its end.
        linked: What to call instead of the component as it is linked for everybody: a trial has hosts of its own.
        is_trial: Whether somebody only looks how it goes: the call is not kept among those that really happened.

    Raises:
        PluginUnavailable: The plugin is asleep or busy, and was not called.
        LinkError: The export has another type than expected.
        PluginError: The plugin gave no answer.
        Exception: Whatever went wrong in the host, for example a lost database connection.
    """
    limits = components.call_limits(plugin, deadline_ms)
    log = log or CallLog(limits.log_bytes)
    log.bound(limits.log_bytes, limits.log_lines)
    session = Session(using, owns_transaction=owns_transaction, held_nothing=held_nothing)
    context = CallContext(
        plugin=plugin.name,
        version=plugin.version,
        plugin_id=plugin.id,
        grants=plugin.grants,
        user=acting_user.get(),
        session=session,
        configuration=Configuration(plugin.id, plugin.name, log.redactor, plugin.settings),
        report=report,
        run=run,
    )
    with (
        _told(plugin),
        kept(plugin, export, log, is_kept_elsewhere=is_trial or run is not None),
        watch(plugin, limits),
        discreet(plugin, context, log),
        _closing(plugin, export, session, log),
    ):
        linked = linked or components.get_linked(plugin.digest)
        _check_type(linked, export, expected)
        answer = sandbox.call(linked, export, args, limits=limits, host=context, log=log)
        return answer if convert is None else convert(answer, log)


@contextmanager
def _told(plugin: ActivePlugin) -> Iterator[None]:
    """Say in every error whom it is about."""
    try:
        yield
    except PluginError as error:
        raise error.about(plugin.name, plugin.version) from error.__cause__


@contextmanager
def _closing(plugin: ActivePlugin, export: str, session: Session, log: CallLog) -> Iterator[None]:
    """End what the plugin left open, and pass on what it wrote."""
    left_open: list[str] = []
    try:
        with session.closing() as left_open:
            yield
        if session.has_written:
            audit.note_write()
    except IntegrityError as error:
        raise AnswerRefused(f"{export} left rows that break a constraint of the database", export=export) from error
    finally:
        for alias in left_open:
            log.write("warn", f"a transaction was left open on {alias}: it was rolled back")
        _pass_on(plugin, log)


def _check_type(linked: Callee, export: str, expected: Func | None) -> None:
    found = linked.find_export(export)
    if expected is not None and found is not None and not expected.matches(found):
        raise LinkError(f"exports {export} as {found}, but the project's hook is {expected} now", missing=export)


def _pass_on(plugin: ActivePlugin, log: CallLog) -> None:
    """Give what the plugin wrote to the project's logging."""
    extra = {"plugin": plugin.name, "plugin_version": plugin.version}  # for formatters that write JSON
    for line in log.lines:
        level = _LEVELS.get(line.level, logging.INFO)
        text = line.text.removeprefix(f"{plugin.name}: ")  # many plugins log with their name as the context
        logger.log(level, "%s %d: %s", plugin.name, plugin.version, text, extra=extra)
