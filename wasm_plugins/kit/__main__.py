"""``wasm-plugins``, also ``python -m wasm_plugins.kit``: one subcommand per step of an author's work."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from wasm_plugins.kit import advisories, keygen, pack, sign, verify

Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Args:
        argv: The arguments after the program's name; those of the process when ``None``.

    Returns:
        The exit status: 0 done, 1 the work failed, 2 the arguments are wrong.
    """
    arguments = _parser().parse_args(argv)
    run: Command = arguments.run
    try:
        return run(arguments)
    except OSError as error:
        return _failed(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except ValueError as error:
        return _failed(str(error))


def _failed(message: str) -> int:
    sys.stderr.write(f"wasm-plugins: {message}\n")
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="wasm-plugins", description="Make a plugin without a Django project.")
    subcommands = parser.add_subparsers(required=True, metavar="command")
    for command in (pack, keygen, sign, verify, advisories):
        command.add_parser(subcommands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
