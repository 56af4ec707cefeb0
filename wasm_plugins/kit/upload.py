"""``wasm-plugins upload``: give a plugin to a project's server, or put it into the project's bucket."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasm_plugins.kit.bucket import put_plugin
from wasm_plugins.kit.failures import Usage
from wasm_plugins.kit.output import show, size_text
from wasm_plugins.kit.plugin_file import PluginFile, open_plugin
from wasm_plugins.kit.sending import sending
from wasm_plugins.kit.server import Server
from wasm_plugins.kit.server_report import report_lines, route_lines
from wasm_plugins.kit.token import read_token
from wasm_plugins.kit.verdict import verify_plugin

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subcommands: Subcommands) -> None:
    """Add the subcommand to the command line."""
    parser = subcommands.add_parser("upload", help="give a plugin to a server, or put it into a bucket")
    parser.add_argument("plugin", type=Path, help="the plugin, as build made it")
    target = parser.add_mutually_exclusive_group(required=True)
    target.add_argument("--server", metavar="URL", help="where the project's API for plugins is")
    target.add_argument("--s3", metavar="BUCKET[/PREFIX]", help="the bucket that the project keeps plugins in")
    parser.add_argument("--endpoint-url", metavar="URL", help="with --s3: the server, where it is not AWS")
    add_token_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def add_token_options(parser: argparse.ArgumentParser) -> None:
    """Add what says where the token comes from, and whether it may travel unencrypted."""
    parser.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="a file with the token, which is yours alone; else the environment",
    )
    parser.add_argument("--allow-http", action="store_true", help="send the token unencrypted, beyond this machine")


def server_of(arguments: argparse.Namespace) -> Server:
    """Return the server that the arguments name, with the token for it.

    Raises:
        Usage: The address is none, or there is no token.
    """
    return Server(arguments.server, read_token(arguments.token_file), may_be_plain=arguments.allow_http)


def run(arguments: argparse.Namespace) -> int:
    """Check the plugin as ``check`` does, send it, and print what the server says."""
    if arguments.endpoint_url is not None and arguments.s3 is None:
        raise Usage("--endpoint-url is for --s3")
    server = None if arguments.server is None else server_of(arguments)
    plugin = open_plugin(arguments.plugin)
    name = verify_plugin(plugin).manifest.name  # what a host would refuse travels nowhere
    begun = time.monotonic()
    if server is None:
        data = _put(arguments, plugin, name)
        lines = [_put_line(data)]
    else:
        data = send(server, name, plugin.data)
        lines = _lines(data, server.site)
    data["elapsed_s"] = round(time.monotonic() - begun, 2)
    show(data, lines, as_json=arguments.json)
    return 0


def send(server: Server, name: str, component: bytes) -> dict[str, Any]:
    """Send a component, say how far it is where that takes long, and return the server's report.

    Raises:
        KitError: The server did not take it.
    """
    with sending(name, len(component)) as shown:
        return server.upload(name, component, shown.sent)


def _lines(answer: Mapping[str, Any], site: str) -> list[str]:
    return [*report_lines(answer, site), *route_lines(answer["report"], site)]


def _put(arguments: argparse.Namespace, plugin: PluginFile, name: str) -> dict[str, Any]:
    put = put_plugin(arguments.s3, name, plugin.data, endpoint=arguments.endpoint_url)
    return {"plugin": name, "digest": plugin.digest, "size_bytes": len(plugin.data), **put}


def _put_line(data: Mapping[str, Any]) -> str:
    return (
        f"{data['bucket']}/{data['key']}: {data['plugin']}, {size_text(data['size_bytes'])}, {data['digest'][:12]}; "
        "the project's next sync finds it"
    )
