"""The one object that calls plugins: hooks, routes and tasks."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.db import DEFAULT_DB_ALIAS, transaction
from django.http import HttpRequest, HttpResponse

from . import answers, components, exchange
from .access import check_access, check_method
from .audit import QUEUED, CallRecord, attributed
from .caller import acting_user, call_plugin
from .capabilities import HTML
from .conf import conf
from .dispatch import HookOptions, dispatch, options_of, unanswered
from .exceptions import PluginError, PluginNotFound, RouteNotFound, TaskNotFound
from .health import loading
from .host.context import Report, RunFacts
from .host.locks import nothing_is_held
from .paths import NOTHING_HERE
from .registry import find_snapshot, registry
from .results import HookResults
from .runtime.contract import HTTP_HANDLER
from .runtime.log import CallLog
from .signatures import find_hook_type
from .snapshot import ActivePlugin, RouteEntry
from .tuning import deadline_ms

EnqueueRoute = Callable[[HttpRequest, RouteEntry, str], HttpResponse]
"""Writes down a run for a route that is processed as a task, and answers where to ask for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskAnswer:
    """What one run of a task answered."""

    text: str | None
    """The JSON text, or ``None`` from a handler that has nothing to say."""

    version_id: int
    """Primary key of the version that ran."""


class PluginManager:
    """Calls plugins. One for each process, from ``get_plugin_manager()``; safe to use from many threads.

    Attributes:
        enqueue_route: How a route that is processed as a task becomes one; set when the app is ready.
    """

    enqueue_route: EnqueueRoute

    def call_hook_dynamic(self, name: str, *args: Any, **options: Any) -> HookResults:
        """Call a hook by name, untyped; blocks until every plugin answered.

        Args:
            name: The hook as WIT spells it, for example ``order-placed``.
            *args: What the plugins get; it must fit the type that they export.
            **options: ``mode``, ``on_error``, ``using`` and ``deadline_ms``, where they are not to be as declared.

        Raises:
            PluginError: A plugin failed and the hook does not skip errors, or a plugin vetoed.
            TypeError: The arguments do not fit, or an option is unknown.
        """
        return self.call_hook(name, args, options_of(name, **options))

    def call_hook(self, name: str, args: Sequence[Any], options: HookOptions) -> HookResults:
        """Call a hook with options that were checked before."""
        plugins = find_snapshot().hooks.get(name, ())
        if not plugins:
            return unanswered(args, options)
        ask = partial(self._ask_attributed if conf.AUDIT_HOOKS else self._ask, name, options)
        return dispatch(plugins, args, ask, options)

    @staticmethod
    def _ask(name: str, options: HookOptions, plugin: ActivePlugin, args: Sequence[Any]) -> Any:
        return call_plugin(
            plugin,
            name,
            args,
            using=options.using,
            owns_transaction=False,
            deadline_ms=deadline_ms(plugin.limits, "hook", options.deadline_ms),
            expected=find_hook_type(name),
        )

    @classmethod
    def _ask_attributed(cls, name: str, options: HookOptions, plugin: ActivePlugin, args: Sequence[Any]) -> Any:
        with attributed("hook", user=acting_user.get(), subject=name) as record:
            record.about(plugin.name, plugin.version, plugin.digest)
            answer = cls._ask(name, options, plugin, args)
            record.keep_if_written()
            return answer

    def call_route(
        self, request: HttpRequest, path: str | None = None, *, admit: Callable[[HttpRequest], None] | None = None
    ) -> HttpResponse:
        """Answer a request by the plugin that serves its path; in one transaction, undone unless the plugin answers.

        Args:
            request: The request, with its user.
            path: The route, for example ``/loyalty/points``; ``None`` takes the request's whole path.
            admit: Called with the request once its user and method are known to be right; refuses it by raising.
                The URLs of this app check the CSRF token here. A view of the project's has Django's own check.

        Raises:
            RouteNotFound: No enabled plugin serves that path.
            RouteRefused: The request may not reach the plugin.
            CallError: The plugin gave no answer, or one that cannot be passed on.
        """
        path = request.path_info if path is None else path
        with attributed("route", user=getattr(request, "user", None), subject=path) as record:
            entry = find_snapshot().routes.get(path)
            if entry is None:
                raise RouteNotFound(NOTHING_HERE)
            record.about(entry.plugin.name, entry.plugin.version, entry.plugin.digest)
            try:
                check_access(entry, request.user)
                check_method(entry, request.method)
                if admit is not None:
                    admit(request)
                return self._call_entry(request, entry, record)
            except PluginError as error:
                raise error.about(entry.plugin.name, entry.plugin.version) from error.__cause__

    def _call_entry(self, request: HttpRequest, entry: RouteEntry, record: CallRecord) -> HttpResponse:
        if entry.process_as_task:
            record.outcome = QUEUED
            return self.enqueue_route(request, entry, exchange.json_input(request, entry.path))
        with self.acting_as(request.user):
            return self._answer(request, entry, record)

    @staticmethod
    def _answer(request: HttpRequest, entry: RouteEntry, record: CallRecord) -> HttpResponse:
        with loading(entry.plugin):
            handler = components.get_linked(entry.plugin.digest).exports[entry.handler]
        is_http = HTTP_HANDLER.matches(handler)
        given = exchange.http_input(request, entry.path) if is_http else exchange.json_input(request, entry.path)
        held_nothing = nothing_is_held()
        answer = answers.http_response if is_http else answers.json_response
        with transaction.atomic():
            response: HttpResponse = call_plugin(
                entry.plugin,
                entry.handler,
                [given],
                using=DEFAULT_DB_ALIAS,
                owns_transaction=True,
                deadline_ms=deadline_ms(entry.plugin.limits, "route"),
                convert=partial(answer, terms=_terms(request, entry)),
                held_nothing=held_nothing,
            )
            record.keep_if_written()
        return response

    def run_handler(
        self,
        plugin: str,
        handler: str,
        input_text: str,
        *,
        user: Any,
        deadline_ms: int,
        log: CallLog | None = None,
        report: Report | None = None,
        run: RunFacts | None = None,
        accept: Callable[[str | None], None] | None = None,
    ) -> TaskAnswer:
        """Run a task, or the handler of a route processed as one, in this process and in a transaction of its own.

        ``accept`` refuses the text of an answer by raising, while that is still the call's own failure.

        Raises:
            PluginNotFound: No enabled plugin has that name.
            TaskNotFound: It has no such task now.
            CallError: The plugin gave no answer.
        """

        def convert(text: str | None, log: CallLog) -> str | None:
            if accept is not None:
                accept(text)
            # Unlike a response, which goes to the caller and nowhere else, it is kept and shown to others.
            return None if text is None else log.redactor.redact(text)

        held_nothing = nothing_is_held()  # first of all: to find the snapshot may take a statement
        with attributed("task", user=user, subject=handler) as record:
            record.about(plugin)
            found = _find_handler(plugin, handler)
            record.about(found.name, found.version, found.digest)
            with loading(found):
                components.get_linked(found.digest)
            with self.acting_as(user), transaction.atomic():
                text: str | None = call_plugin(
                    found,
                    handler,
                    [input_text],
                    using=DEFAULT_DB_ALIAS,
                    owns_transaction=True,
                    deadline_ms=deadline_ms,
                    convert=convert,
                    held_nothing=held_nothing,
                    log=log,
                    report=report,
                    run=run,
                )
                record.keep_if_written()
        return TaskAnswer(text=text, version_id=found.version_id)

    def execute_task(self, name: str, data: Any = None, *, user: Any = None) -> str | None:
        """Run a task here and now, and return its JSON text; ``tasks.request_run`` is what queues one.

        Args:
            name: ``plugin/task``, or the task alone where only one plugin has it.
            data: What the task gets, as JSON.
            user: On whose behalf.

        Raises:
            TaskNotFound: No enabled plugin declares it, or several do.
            CallError: The plugin gave no answer.
        """
        plugin, _, task = name.rpartition("/")
        found = [entry for entry in find_snapshot().tasks.values() if entry.name == task]
        found = [entry for entry in found if plugin in ("", entry.plugin.name)]
        if len(found) != 1:
            raise TaskNotFound(f"{len(found)} enabled plugins have the task {name[:130]}; name it as plugin/task")
        entry = found[0]
        answer = self.run_handler(
            entry.plugin.name, task, json.dumps(data), user=user, deadline_ms=entry.timeout_s * 1000
        )
        return answer.text

    def reload(self) -> None:
        """Look at the records again now, instead of within half a second."""
        registry.invalidate()
        find_snapshot()  # which waits for a thread that looks already, since it may have looked too early

    @contextmanager
    def acting_as(self, user: Any) -> Iterator[None]:
        """Call plugins on behalf of a user while the block runs: whom ``authorize`` answers for."""
        token = acting_user.set(user)
        try:
            yield
        finally:
            acting_user.reset(token)

    async def acall_hook_dynamic(self, name: str, *args: Any, **options: Any) -> HookResults:
        """Call a hook from async code; runs whole in one thread, since transactions are not async."""
        return await sync_to_async(self.call_hook_dynamic, thread_sensitive=True)(name, *args, **options)

    async def acall_route(self, request: HttpRequest, path: str | None = None) -> HttpResponse:
        """Answer a request from async code."""
        return await sync_to_async(self.call_route, thread_sensitive=True)(request, path)

    async def aexecute_task(self, name: str, data: Any = None, *, user: Any = None) -> str | None:
        """Run a task from async code."""
        return await sync_to_async(self.execute_task, thread_sensitive=True)(name, data, user=user)

    async def areload(self) -> None:
        """Look at the records again, from async code."""
        await sync_to_async(self.reload, thread_sensitive=True)()


def _terms(request: HttpRequest, entry: RouteEntry) -> answers.Terms:
    """Say what the answer to a request may be."""
    is_read = request.method in ("GET", "HEAD")
    is_cacheable = entry.access == "public" and is_read and not request.user.is_authenticated
    may_be_html, is_head = HTML in entry.plugin.grants, request.method == "HEAD"
    return answers.Terms(export=entry.handler, may_be_html=may_be_html, is_cacheable=is_cacheable, is_head=is_head)


def _find_handler(plugin: str, handler: str) -> ActivePlugin:
    """Return an enabled plugin that has such a task now."""
    found = find_snapshot().plugins.get(plugin)
    if found is None:
        raise PluginNotFound("is not enabled", plugin=plugin)
    if handler not in _task_handlers(found):
        raise TaskNotFound(f"has no task {handler}", plugin=plugin, version=found.version)
    return found


def _task_handlers(plugin: ActivePlugin) -> set[str]:
    """Return what may run as a task: the tasks, and the handlers of routes that are processed as one."""
    tasks = {task.name for task in plugin.manifest.tasks}
    return tasks | {route.handler for route in plugin.manifest.routes if route.process_as_task}


_manager: Final = PluginManager()


def get_plugin_manager() -> PluginManager:
    """Return this process's manager."""
    return _manager
