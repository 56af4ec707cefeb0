"""``wasm-plugins dev``: build, check and upload whenever a source changes, and show what the plugin writes there."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wasm_plugins.kit.dev_log import LiveLog
from wasm_plugins.kit.dev_round import Rounds
from wasm_plugins.kit.dev_watch import source_changes
from wasm_plugins.kit.failures import DONE, FAILED, Usage
from wasm_plugins.kit.languages import LANGUAGES
from wasm_plugins.kit.output import tell
from wasm_plugins.kit.project import find_project
from wasm_plugins.kit.upload import add_token_options, server_of

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subcommands: Subcommands) -> None:
    """Add the subcommand to the command line."""
    parser = subcommands.add_parser("dev", help="build and upload to a development server whenever a source changes")
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="the project; this folder, if not given")
    parser.add_argument("--server", metavar="URL", required=True, help="where the project's API for plugins is")
    parser.add_argument("--lang", choices=sorted(LANGUAGES), help="the language, if the files do not say it")
    parser.add_argument("--enable", action="store_true", help="let every version serve that the server takes")
    parser.add_argument("--grant", action="store_true", help="with --enable: grant what it asks for")
    parser.add_argument("--once", action="store_true", help="do it once, and end")
    add_token_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document a line")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Go round until Ctrl-C; what fails is shown, and the next change is a new chance."""
    if arguments.grant and not arguments.enable:
        raise Usage("--grant is for --enable")
    server = server_of(arguments)
    project = find_project(arguments.folder, language=arguments.lang)
    begun = server.whoami()
    log = LiveLog(server, str(begun["now"]), as_json=arguments.json)
    rounds = Rounds(server, project, is_enabling=arguments.enable, is_granting=arguments.grant, as_json=arguments.json)
    try:
        if arguments.once:
            return DONE if rounds.go() else FAILED
        changes = source_changes(project.folder)
        rounds.go()
        tell(f"watching {project.folder}; Ctrl-C ends this" + ("" if begun["keeps_calls"] else _NO_CALLS))
        for has_changed in changes:
            if has_changed:
                rounds.go()
            log.show_new(rounds.name)
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        tell("stopped")
    return DONE


_NO_CALLS = (
    "\nthe server keeps runs of tasks alone, and shows no calls of hooks and routes: its setting "
    "WASM_PLUGINS_KEPT_CALLS is 0"
)
