"""A host for tests: a built plugin under the production sandbox, with a fake host that the test controls."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

from wasm_plugins.kit.failures import Usage
from wasm_plugins.kit.fake_world import FakeWorld
from wasm_plugins.kit.fakes import FakeHost
from wasm_plugins.kit.json_values import from_json
from wasm_plugins.kit.loaded_plugin import LoadedPlugin
from wasm_plugins.kit.memory import least_limit
from wasm_plugins.kit.plugin_call import PluginCall, plugin_call
from wasm_plugins.kit.targets import Target, hook_target, route_target, task_target
from wasm_plugins.kit.trial import Trial, limits_of, run_call
from wasm_plugins.kit.trial_report import trial_data, trial_lines
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.log import printable
from wasm_plugins.runtime.values import ValueMismatch


class PluginHost(FakeWorld):
    """Calls one plugin as a host does; what a call wrote is there for the next one, unless it failed.

    Attributes:
        limits: Other limits than a host's, by name, for example ``{"deadline_ms": 5_000}``.
        measures_memory: Whether each call is tried under ever less memory first, in transactions that are undone.
    """

    def __init__(self, plugin: LoadedPlugin) -> None:
        """Host a plugin."""
        super().__init__(plugin.manifest)
        self.limits: Final[dict[str, int]] = {}
        self.measures_memory = False
        self._plugin: Final = plugin

    def call_hook(self, name: str, *args: Any) -> PluginCall:
        """Call a hook within its caller's transaction.

        Args:
            name: The hook as WIT spells it.
            *args: Plain Python values that have the shape of its types: a record is a ``dict`` by WIT name.

        Raises:
            Usage: The plugin has no such hook, or the arguments do not fit its type.
        """
        return self._run(hook_target(self._plugin.file.component, self.manifest, name, args, from_json), self._host())

    def call_route(self, method: str, path: str, *, body: Any = None, user: str | None = None) -> PluginCall:
        """Call the handler of a route; who may call it is not asked here.

        Args:
            method: The HTTP method.
            path: The route's own path, with a query string if there is to be one.
            body: A text, bytes, or anything else as JSON.
            user: Who calls, this once; ``None``: whoever is logged in.

        Raises:
            Usage: The plugin has no such route, or its handler takes JSON and the body is no JSON object.
            MethodNotAllowed: The route does not take this method.
        """
        host = self._host() if user is None else self._host(username=user)
        sent = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        component = self._plugin.file.component
        return self._run(route_target(component, self.manifest, method.upper(), path, sent, host.claims), host)

    def run_task(self, name: str, data: Any = None, *, attempt: int = 1, idempotency_key: str = "") -> PluginCall:
        """Run a task.

        Args:
            name: The task as WIT spells it.
            data: Its input, as JSON has it; ``None`` is ``{}``.
            attempt: Which attempt of its run it is, from 1.
            idempotency_key: The run's; a new one if empty.

        Raises:
            Usage: The plugin has no such task.
        """
        host = self._host(attempt=attempt, idempotency_key=idempotency_key)
        return self._run(task_target(self.manifest, name, json.dumps({} if data is None else data)), host)

    def _run(self, target: Target, host: FakeHost) -> PluginCall:
        limits = limits_of(target, self.limits)
        try:
            memory_bytes = self._least_memory(target, host, limits) if self.measures_memory else None
            trial = replace(run_call(self._plugin.linked, target, host, limits), memory_bytes=memory_bytes)
        except ValueMismatch as error:
            raise Usage(f"{target.name}: {error}") from None
        _print(target, trial, limits)
        return plugin_call(target, trial)

    def _least_memory(self, target: Target, host: FakeHost, limits: Limits) -> int | None:
        def repeat(less: Limits) -> None:
            recordings = [replace(each) for each in self._recordings]
            again = replace(host, recordings=recordings, calls=[], sent=[], progress=[], forgets=True)
            trial = run_call(self._plugin.linked, target, again, replace(limits, memory_bytes=less.memory_bytes))
            if trial.error is not None:
                raise trial.error

        return least_limit(repeat, limits.memory_bytes)


def _print(target: Target, trial: Trial, limits: Limits) -> None:
    """Print what ``wasm-plugins call`` would; pytest shows it where a test fails."""
    print(f"{target.kind} {target.name}")
    print("\n".join(f"  {printable(line)}" for line in trial_lines(trial_data(target, trial, limits))))
