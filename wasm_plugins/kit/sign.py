"""``wasm-plugins sign``: sign a plugin with its author's key; the signature becomes part of the file."""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wasm_plugins.exceptions import PluginError
from wasm_plugins.kit.files import replace_file
from wasm_plugins.kit.keygen import read_private_key
from wasm_plugins.manifest import TOML_SECTION
from wasm_plugins.manifest_reader import check_name
from wasm_plugins.runtime.compiled import CompiledCache
from wasm_plugins.runtime.sections import read_sections
from wasm_plugins.runtime.signing import sign
from wasm_plugins.runtime.statement import Statement, stated_capabilities
from wasm_plugins.runtime.verification import SECTION_BYTES

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subcommands: Subcommands) -> None:
    """Add the subcommand to the command line."""
    parser = subcommands.add_parser("sign", help="sign a plugin, in place")
    parser.add_argument("plugin", type=Path, help="the plugin, packed and not signed yet")
    parser.add_argument("--key", type=Path, required=True, help="the private key, as keygen made it")
    parser.add_argument("--name", help="the plugin's name, if the file is not called NAME.wasm")
    parser.add_argument("--number", type=int, help="grows with every version; the time in seconds, if not given")
    parser.add_argument("--not-before", type=int, default=0, help="when it may begin to serve, in seconds since 1970")
    parser.add_argument("--output", type=Path, help="where to write it instead")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Sign, and print what was signed."""
    key = read_private_key(arguments.key)
    data = arguments.plugin.read_bytes()
    try:
        statement = statement_on(
            data,
            name=arguments.name or arguments.plugin.name.removesuffix(".wasm"),
            number=int(time.time()) if arguments.number is None else arguments.number,
            not_before=arguments.not_before,
        )
        signed = sign(data, statement, key)
    except (ValueError, PluginError) as error:
        raise ValueError(f"{arguments.plugin}: {error}") from error
    output = arguments.output or arguments.plugin
    replace_file(output, signed)
    public = key.public_key().public_bytes_raw().hex()
    print(f"{output}: {statement.name}, number {statement.number}, signed with {public}")
    return 0


def statement_on(data: bytes, *, name: str, number: int, not_before: int = 0) -> Statement:
    """Return what there is to say of a plugin; blocks while it is compiled, in a child process.

    Raises:
        PluginError: It is no component that the engine accepts, or the name is none.
        ValueError: Its ``plugin.toml`` cannot be read.
    """
    declared = _toml(data)
    with tempfile.TemporaryDirectory() as folder:
        digest = hashlib.sha256(data).hexdigest()
        imports = CompiledCache(Path(folder)).load(digest, lambda: data).imports
    scopes = declared.get("capabilities", {})
    return Statement(
        name=check_name(name, "--name"),
        number=number,
        digest=digest,
        version=str(declared.get("version", "")),
        capabilities=stated_capabilities(imports, scopes if isinstance(scopes, dict) else {}),
        not_before=not_before,
    )


def _toml(data: bytes) -> dict[str, Any]:
    section = read_sections(data, limit_bytes=SECTION_BYTES).get(TOML_SECTION)
    return {} if section is None else tomllib.loads(section.decode())
