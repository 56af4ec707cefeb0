"""What ``wasm-plugins call`` calls: a hook, a route or a task, as an export with its arguments."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from wasm_plugins.exceptions import MethodNotAllowed
from wasm_plugins.kit.failures import Usage
from wasm_plugins.kit.json_values import argument, is_json
from wasm_plugins.manifest import Manifest, RouteDeclaration
from wasm_plugins.runtime.component import Component
from wasm_plugins.runtime.contract import HTTP_HANDLER
from wasm_plugins.runtime.values import Variant
from wasm_plugins.runtime.wit import Func, WitType

Kind = Literal["hook", "route", "task"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One call to make."""

    kind: Kind
    name: str
    """The hook, the path or the task."""

    export: str
    args: tuple[Any, ...]
    answers_json: bool
    """Whether a text that it answers must be JSON."""

    runs_as_task: bool = False


def hook_target(
    component: Component,
    manifest: Manifest,
    name: str,
    given: Sequence[Any],
    read: Callable[[Any, WitType, str], Any] = argument,
) -> Target:
    """Return the call of a hook.

    Args:
        component: The plugin.
        manifest: What it declares.
        name: The hook.
        given: Its arguments.
        read: Makes of an argument, its type and its name the value that the runtime lowers.

    Raises:
        Usage: The plugin has no such hook, or the arguments do not fit its type.
    """
    _check_known(name, [hook.name for hook in manifest.hooks], "hook")
    of = _type_of(component, name)
    if len(given) != len(of.params):
        raise Usage(f"{name} is {of}: it takes {len(of.params)} arguments, not {len(given)}")
    args = tuple(read(each, param, param_name) for each, (param_name, param) in zip(given, of.params, strict=True))
    return Target(kind="hook", name=name, export=name, args=args, answers_json=False)


def task_target(manifest: Manifest, name: str, text: str) -> Target:
    """Return the call of a task.

    Raises:
        Usage: The plugin has no such task, or the input is no JSON.
    """
    _check_known(name, [task.name for task in manifest.tasks], "task")
    _parsed(text, "the input")
    return Target(kind="task", name=name, export=name, args=(text,), answers_json=True, runs_as_task=True)


def route_target(
    component: Component,
    manifest: Manifest,
    method: str,
    address: str,
    body: str | bytes | None,
    claims: dict[str, Any],
) -> Target:
    """Return the call of a route, with the input that the host makes of a request.

    Args:
        component: The plugin.
        manifest: What it declares.
        method: The HTTP method.
        address: The route's own path, with a query string if there is to be one.
        body: The request's body, or ``None``; bytes that are UTF-8 are a text, as on the host.
        claims: What the handler is told of who calls.

    Raises:
        Usage: The plugin has no such route, or its handler takes JSON and the body is no JSON object.
        MethodNotAllowed: The route does not take this method.
    """
    path, query = urlsplit(address).path, parse_qsl(urlsplit(address).query, keep_blank_values=True)
    _check_known(path, [route.path for route in manifest.routes], "route")
    route = next(each for each in manifest.routes if each.path == path)
    _check_method(route, method)
    body = _as_text(body)
    if HTTP_HANDLER.matches(_type_of(component, route.handler)):
        return Target(
            kind="route",
            name=path,
            export=route.handler,
            args=(_record(method, path, query, body, claims),),
            answers_json=False,
        )
    return Target(
        kind="route",
        name=path,
        export=route.handler,
        args=(_json_input(method, path, query, body, claims),),
        answers_json=True,
        runs_as_task=route.process_as_task,
    )


def _as_text(body: str | bytes | None) -> str | bytes | None:
    try:
        return body.decode() if isinstance(body, bytes) else body
    except UnicodeDecodeError:
        return body


def _record(
    method: str, path: str, query: Sequence[tuple[str, str]], body: str | bytes | None, claims: dict[str, Any]
) -> dict[str, Any]:
    headers = [("accept", "*/*"), ("user-agent", "wasm-plugins")]
    if isinstance(body, bytes):
        headers.append(("content-type", "application/octet-stream"))
    elif body is not None:
        headers.append(("content-type", "application/json" if is_json(body) else "text/plain"))
    return {
        "method": method,
        "path": path,
        "query": list(query),
        "headers": headers,
        "body": Variant("bytes" if isinstance(body, bytes) else "text", body) if body else Variant("empty"),
        "claims": json.dumps(claims),
    }


def _json_input(
    method: str, path: str, query: Sequence[tuple[str, str]], body: str | bytes | None, claims: dict[str, Any]
) -> str:
    data = _parsed(body, "the body") if body else {}
    if not isinstance(data, dict):
        raise Usage("the body must be a JSON object: this route's handler takes JSON")
    asked: dict[str, list[str]] = {}
    for name, value in query:
        asked.setdefault(name, []).append(value)
    return json.dumps({**data, "request": {"method": method, "path": path, "query": asked}, "claims": claims})


def _check_method(route: RouteDeclaration, method: str) -> None:
    if method not in route.methods:
        message = f"{route.path} takes {', '.join(route.methods)}, not {method}"
        raise MethodNotAllowed(message, allowed=route.methods)


def _check_known(name: str, known: Iterable[str], what: str) -> None:
    names = sorted(known)
    if name in names:
        return
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(names)}" if names else ""
    raise Usage(f"the manifest has no {what} {name}{hint}")


def _type_of(component: Component, name: str) -> Func:
    of = component.find_export(name)
    assert of is not None  # verification saw to it
    return of


def _parsed(text: str | bytes, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Usage(f"{what} is no JSON: {text[:60]!r}") from None
