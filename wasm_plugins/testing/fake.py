"""A plugin written in Python, for tests: it answers hooks, routes and tasks by functions, and needs no wasm."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

from ..grants import check_grant
from ..hooks import Hook
from ..manifest import DEFAULT_PRIORITY, Manifest
from ..manifest_reader import read_manifest
from ..runtime.contract import HTTP_HANDLER, JSON_HANDLER
from ..runtime.stand_in import StandIn
from ..runtime.values import Err
from ..runtime.wit import Func
from ..signatures import find_hook_type, hook_signatures
from .http import response_record

Answer = Callable[..., Any]
"""Takes what a plugin gets and returns the good side of the answer, or ``Err`` with the text of a refusal."""


class FakeCall(NamedTuple):
    """One call that a fake plugin got."""

    name: str
    """The hook, the route's path or the task."""

    args: tuple[Any, ...]
    """What it was called with, as a plugin gets it."""


@dataclass(frozen=True, slots=True)
class FakeRoute:
    """A route of a fake plugin, where a function alone does not say enough."""

    answer: Answer
    """Takes the caller's JSON object, with ``claims`` and ``request``, and returns what JSON has. Where it takes
    ``"http"``: takes the ``request`` record as a ``dict``, returns an ``HttpResponse`` or the ``response`` record."""

    takes: Literal["json", "http"] = "json"
    """Which of the two types of handlers it is."""

    methods: Sequence[str] = ("GET", "POST")
    """The methods that it takes."""

    access: str = "authenticated"
    """Who may call it: ``public``, ``authenticated``, ``staff``, or a permission such as ``shop.view_order``."""


class FakePlugin:
    """A plugin for ``override_plugins`` that is written in Python.

    A function gets what a plugin would get, converted by the host's own codec from what the project passed: a record
    as a ``dict`` by WIT name, and so on. What it returns is checked against the WIT type that the project declared and
    converted in the same way; where it does not fit, the test gets a ``TypeError``. ``Err("why")`` is a refusal, any
    exception is a trap, a ``PluginError`` is that failure, and an ``AssertionError`` is the test's own.

    Attributes:
        calls: Every call, in order; empty at first.
        manifest: What it declares, checked as any plugin's.
        grants: Scope by capability.
        version: The version number that results and errors name.
    """

    def __init__(
        self,
        name: str,
        *,
        hooks: Mapping[str | Hook[Any], Answer] | None = None,
        routes: Mapping[str, Answer | FakeRoute] | None = None,
        tasks: Mapping[str, Answer] | None = None,
        priority: int = DEFAULT_PRIORITY,
        grants: Mapping[str, Any] | None = None,
        version: int = 1,
    ) -> None:
        """Make a plugin; nothing calls it before ``override_plugins`` enables it.

        Args:
            name: Its name, in kebab-case.
            hooks: Functions by hook: the function that ``@hook`` decorates, or its name as WIT spells it.
            routes: Functions by path, each of which begins with ``/<name>/``.
            tasks: Functions by task; each takes the task's input as JSON was read, and returns what JSON has.
            priority: Its place in the order of its hooks: smaller answers first.
            grants: What an admin would have granted, for example ``{"html": {}}``.
            version: The version number that results and errors name.

        Raises:
            ManifestError: A name, path, method or access is none that a plugin may have.
            ValueError: There is no such capability, or its scope has another shape; or a hook and a task have the same
                name.
        """
        self.calls: Final[list[FakeCall]] = []
        self.grants: Final = dict(grants or {})
        self.version: Final = version
        self._hooks: Final = {_hook_name(hook): answer for hook, answer in (hooks or {}).items()}
        self._routes: Final = {
            path: each if isinstance(each, FakeRoute) else FakeRoute(each) for path, each in (routes or {}).items()
        }
        self._tasks: Final = dict(tasks or {})
        for capability, scope in self.grants.items():
            check_grant(capability, scope)
        if both := sorted(self._hooks.keys() & self._tasks.keys()):
            raise ValueError(f"{both[0]} is a hook and a task, which no component could export both")
        self.manifest: Final[Manifest] = read_manifest(self._record(name), self._toml(priority).encode())

    def callee(self) -> StandIn:
        """Return what is called.

        Raises:
            ValueError: It answers a hook that the project does not declare.
        """
        exports = dict(self._exports())
        return StandIn(
            {name: of for name, (of, _) in exports.items()}, {name: answer for name, (_, answer) in exports.items()}
        )

    def _handlers(self) -> Iterator[tuple[str, str]]:
        """Name the handlers of the routes: what no hook or task of it is called."""
        for at, path in enumerate(self._routes):
            yield path, f"fake-route-{at}"

    def _record(self, name: str) -> dict[str, Any]:
        return {
            "plugin-name": name,
            "hooks": list(self._hooks),
            "routes": [
                {"path": path, "handler": handler, "process-as-task": False} for path, handler in self._handlers()
            ],
            "tasks": list(self._tasks),
        }

    def _toml(self, priority: int) -> str:
        """Write a ``plugin.toml``, so that what is said here is checked as any plugin's; JSON's texts are TOML's."""
        hooks = [f"[hooks.{json.dumps(name)}]\npriority = {priority}" for name in self._hooks]
        routes = [
            f"[routes.{json.dumps(path)}]\nmethods = {json.dumps(list(each.methods))}\n"
            f"access = {json.dumps(each.access)}"
            for path, each in self._routes.items()
        ]
        return "\n".join([*hooks, *routes])

    def _exports(self) -> Iterator[tuple[str, tuple[Func, Answer]]]:
        for name, answer in self._hooks.items():
            yield name, (_declared_type(name), self._noting(name, answer))
        for name, answer in self._tasks.items():
            yield name, (JSON_HANDLER, _json(self._noting(name, answer)))
        for path, handler in self._handlers():
            route = self._routes[path]
            noting = self._noting(path, route.answer)
            yield handler, (HTTP_HANDLER, _http(noting)) if route.takes == "http" else (JSON_HANDLER, _json(noting))

    def _noting(self, name: str, answer: Answer) -> Answer:
        def noted(*args: Any) -> Any:
            self.calls.append(FakeCall(name, args))
            return answer(*args)

        return noted


def _json(answer: Answer) -> Answer:
    def handler(text: str) -> Any:
        said = answer(json.loads(text))
        return said if isinstance(said, Err) else json.dumps(said)

    return handler


def _http(answer: Answer) -> Answer:
    def handler(request: Mapping[str, Any]) -> Any:
        said = answer(request)
        return said if isinstance(said, Err) else response_record(said)

    return handler


def _hook_name(hook: str | Hook[Any]) -> str:
    return hook if isinstance(hook, str) else hook.name


def _declared_type(name: str) -> Func:
    of = find_hook_type(name)
    if of is not None:
        return of
    known = sorted(hook_signatures())
    close = difflib.get_close_matches(name.replace("_", "-"), known, n=1)
    said = f"did you mean {close[0]}?" if close else f"it declares {', '.join(known) or 'none'}"
    raise ValueError(f"the project declares no hook {name}; {said}")
