"""``wasm-plugins call``: run one hook, route or task under the production sandbox, with a fake host."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from wasm_plugins.kit.failures import FAILED, Usage
from wasm_plugins.kit.fakes import FakeHost
from wasm_plugins.kit.host_options import add_host_options, host_maker, limit_changes
from wasm_plugins.kit.output import show
from wasm_plugins.kit.plugin_file import PluginFile, open_plugin
from wasm_plugins.kit.targets import Target, hook_target, route_target, task_target
from wasm_plugins.kit.trial import Trial, limits_of, try_call
from wasm_plugins.kit.trial_report import trial_data, trial_lines
from wasm_plugins.kit.verdict import verify_plugin
from wasm_plugins.manifest import Manifest
from wasm_plugins.runtime.values import ValueMismatch

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subcommands: Subcommands) -> None:
    """Add the subcommand to the command line."""
    parser = subcommands.add_parser("call", help="run a hook, a route or a task of a plugin here")
    parser.add_argument("plugin", type=Path, help="the plugin, as build made it")
    kinds = parser.add_subparsers(required=True, metavar="hook|route|task", dest="kind")
    hook = kinds.add_parser("hook", help="call a hook")
    hook.add_argument("name", help="the hook as WIT spells it, for example order-placed")
    hook.add_argument("args", nargs="*", help="one each, in JSON, for example 42; a text needs no quotes")
    route = kinds.add_parser("route", help="call a route")
    route.add_argument("method", type=str.upper, help="GET, POST, …")
    route.add_argument("path", help="the route's own path, with a query string if you like")
    route.add_argument("--body", help="the request's body")
    task = kinds.add_parser("task", help="run a task")
    task.add_argument("name", help="the task as WIT spells it")
    task.add_argument("input", nargs="?", default="{}", help="one JSON document; {} if not given")
    for kind in (hook, route, task):
        add_host_options(kind)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the answer, the log and what was used; status 1 if the plugin gave no answer or one of 400 or more."""
    changes = limit_changes(arguments.limit)
    plugin = open_plugin(arguments.plugin)
    manifest = verify_plugin(plugin).manifest
    make_host = host_maker(arguments, manifest)
    target = _target(arguments, plugin, manifest)
    limits = limits_of(target, changes)
    try:
        trial = try_call(plugin, target, make_host, limits)
    except ValueMismatch as error:
        raise Usage(f"{target.name}: {error}") from None
    data = trial_data(target, trial, limits)
    show(data, trial_lines(data), as_json=arguments.json)
    return FAILED if _has_failed(target, trial) else 0


def _target(arguments: argparse.Namespace, plugin: PluginFile, manifest: Manifest) -> Target:
    match arguments.kind:
        case "hook":
            return hook_target(plugin.component, manifest, arguments.name, arguments.args)
        case "task":
            return task_target(manifest, arguments.name, arguments.input)
    claims = FakeHost(username=arguments.user).claims
    return route_target(plugin.component, manifest, arguments.method, arguments.path, arguments.body, claims)


def _has_failed(target: Target, trial: Trial) -> bool:
    if trial.error is not None:
        return True
    return target.kind == "route" and not target.answers_json and trial.answer["status"] >= 400
