"""``wasm-plugins pack``: put an author's ``plugin.toml`` into the component, so that a plugin is one file.

What it says of version, author and the like goes into the standard sections too, for tools that know only those.
"""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wasm_plugins.kit.metadata import add_metadata
from wasm_plugins.runtime.sections import append_section

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]

SECTION: Final = "plugin.toml"
"""The name of the custom section that holds the text."""


def add_parser(subcommands: Subcommands) -> None:
    """Add the subcommand to the command line."""
    parser = subcommands.add_parser("pack", help="put plugin.toml into a component")
    parser.add_argument("component", type=Path, help="the component that the compiler made")
    parser.add_argument("declaration", type=Path, help="the author's plugin.toml")
    parser.add_argument("output", type=Path, help="the plugin to write")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the packed plugin, and print its name and size."""
    component, declaration = arguments.component.read_bytes(), arguments.declaration.read_bytes()
    try:
        packed = pack(component, declaration)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{arguments.declaration}: {error}") from error
    except ValueError as error:
        raise ValueError(f"{arguments.component}: {error}") from error
    arguments.output.write_bytes(packed)
    print(f"{arguments.output}: {len(packed):,} bytes")
    return 0


def pack(component: bytes, declaration: bytes) -> bytes:
    """Return the component with the declaration inside.

    Args:
        component: The bytes of a component.
        declaration: ``plugin.toml``, in UTF-8. Its syntax is checked; what it says is checked by the host.

    Raises:
        ValueError: One of the two is not what it should be.
    """
    return append_section(add_metadata(component, declaration), SECTION, declaration)
