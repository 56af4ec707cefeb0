"""``wasm-plugins``, also ``python -m wasm_plugins.kit``: one subcommand per step of an author's work."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from wasm_plugins.exceptions import PluginError
from wasm_plugins.kit import (
    advisories,
    build,
    call,
    check,
    dev,
    inspect,
    keygen,
    new,
    pack,
    sign,
    test,
    upload,
    verify,
)
from wasm_plugins.kit.failures import FAILED, KitError
from wasm_plugins.kit.output import show_error

Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Args:
        argv: The arguments after the program's name; those of the process when ``None``.

    Returns:
        The exit status: 0 done, 1 the work failed, 2 the arguments are wrong, 3 a tool is not installed.
    """
    arguments = _parser().parse_args(argv)
    run: Command = arguments.run
    try:
        return run(arguments)
    except KitError as error:
        return _failed(arguments, error.code, str(error), status=error.status)
    except PluginError as error:
        return _failed(arguments, error.code, str(error), **_details(error))
    except OSError as error:
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        return _failed(arguments, "os-error", message)
    except ValueError as error:
        return _failed(arguments, "refused", str(error))


def _failed(arguments: argparse.Namespace, code: str, message: str, *, status: int = FAILED, **more: Any) -> int:
    show_error(code, message, as_json=getattr(arguments, "json", False), **more)
    return status


def _details(error: PluginError) -> dict[str, Any]:
    """Return what an error says beside its message: the field, import, export or limit at fault."""
    names = ("field", "missing", "export", "limit", "deadline_ms", "allowed")
    return {name: getattr(error, name) for name in names if hasattr(error, name)}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="wasm-plugins", description="Make a plugin without a Django project.")
    subcommands = parser.add_subparsers(required=True, metavar="command")
    for command in (new, build, check, call, test, inspect, dev, upload, pack, keygen, sign, verify, advisories):
        command.add_parser(subcommands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
