"""``plugins hooks``: every hook that the project declares, who answers it, and its WIT for plugin authors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandParser

from ...hooks import Hook, declared_hooks
from ...registry import find_snapshot
from ...snapshot import ActivePlugin
from ...wit_package import HookText, package_name, package_text
from .answer import Answer, Usage, table

HELP: Final = "Show every hook of the project, its type, and the plugins that answer it in their order."
_HEAD: Final = ("HOOK", "MODE", "ON ERROR", "ANSWERED BY", "TYPE")


def add_arguments(parser: CommandParser) -> None:
    """Take where the WIT package goes, and what it is called."""
    parser.add_argument(
        "--wit",
        metavar="DIR",
        help="Write a WIT package of the hooks into a folder of its own in DIR; no database is asked.",
    )
    parser.add_argument("--package", metavar="NAME", help="Name of that package, such as shop:hooks.")


def run(options: Mapping[str, Any]) -> Answer:
    """List them by name, and write the package where one is asked for."""
    if options["package"] is not None and options["wit"] is None:
        raise Usage("--package names what --wit DIR writes; give both")
    hooks = declared_hooks()
    if options["wit"] is None:
        answering = find_snapshot().hooks
        described = [_described(hook, answering.get(hook.name, ())) for hook in hooks.values()]
        return Answer({"hooks": described, "wit": None}, _text(described))
    file = _write(Path(options["wit"]), options["package"], hooks)  # which asks no database: authors have none
    described = [_described(hook, None) for hook in hooks.values()]
    return Answer({"hooks": described, "wit": str(file)}, f"{file}: {len(described)} hooks")


def _described(hook: Hook[Any], answering: Sequence[ActivePlugin] | None) -> dict[str, Any]:
    function: Callable[..., Any] = inspect.unwrap(hook)
    return {
        "name": hook.name,
        "type": str(hook.type),
        "mode": hook.options.mode,
        "on_error": hook.options.on_error,
        "using": hook.options.using,
        "deadline_ms": hook.options.deadline_ms,
        "declared_as": f"{function.__module__}.{function.__qualname__}",
        "description": inspect.getdoc(function) or "",
        "plugins": None if answering is None else [_answering(each) for each in answering],
    }


def _answering(plugin: ActivePlugin) -> dict[str, Any]:
    return {"name": plugin.name, "version": plugin.version}


def _text(described: Sequence[Mapping[str, Any]]) -> str:
    if not described:
        return "The project declares no hooks: decorate a function in a plugin_hooks.py with @hook."
    return table(_HEAD, [_line(each) for each in described])


def _line(each: Mapping[str, Any]) -> tuple[object, ...]:
    plugins = ", ".join(f"{plugin['name']} {plugin['version']}" for plugin in each["plugins"])
    return (each["name"], each["mode"], each["on_error"], plugins or "-", each["type"])


def _write(folder: Path, package: str | None, hooks: Mapping[str, Hook[Any]]) -> Path:
    """Write the package where a folder of dependencies has it, and return its file.

    Raises:
        Usage: There is nothing to write, a name cannot be written, or the folder cannot.
    """
    if not hooks:
        raise Usage("the project declares no hooks, so there is no package to write")
    name = package or package_name(str(settings.ROOT_URLCONF).partition(".")[0])
    try:
        text = package_text(name, [hook_text(hook) for hook in hooks.values()])
        file = folder / name.replace(":", "-") / "hooks.wit"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    except (OSError, ValueError) as error:
        raise Usage(str(error)) from error
    return file


def hook_text(hook: Hook[Any]) -> HookText:
    """Return what the package says of a hook: its docstring, and what the project makes of the answers."""
    function: Callable[..., Any] = inspect.unwrap(hook)
    options = hook.options
    terms = f"Mode `{options.mode}`; an error of a plugin {_OF_ERRORS[options.on_error]}."
    description = f"{inspect.getdoc(function) or ''}\n\n{terms}".strip()
    return HookText(name=hook.name, type=hook.type, function=function, description=description)


_OF_ERRORS: Final = {"raise": "undoes what all plugins did", "skip": "undoes what that plugin did"}
