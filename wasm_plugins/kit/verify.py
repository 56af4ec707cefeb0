"""``wasm-plugins verify``: say who signed a plugin, and whether it is one of the keys that are trusted."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from wasm_plugins.runtime.signing import check_public_key, read_signature

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subcommands: Subcommands) -> None:
    """Add the subcommand to the command line."""
    parser = subcommands.add_parser("verify", help="check the signature of a plugin")
    parser.add_argument("plugin", type=Path, help="the signed plugin")
    parser.add_argument("--key", nargs="+", required=True, help="public keys that are trusted, in hexadecimal")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the statement; status 1 unless one of the keys signed these very bytes."""
    trusted = {check_public_key(key) for key in arguments.key}
    try:
        signed = read_signature(arguments.plugin.read_bytes())
    except ValueError as error:
        raise ValueError(f"{arguments.plugin}: {error}") from error
    if signed is None:
        raise ValueError(f"{arguments.plugin}: is not signed")
    if signed.key not in trusted:
        raise ValueError(f"{arguments.plugin}: is signed with {signed.key}, which is none of the keys given")
    print(json.dumps(signed.statement.as_json(), indent=2))
    return 0
