"""``wasm-plugins new``: make a complete project for a plugin, ready to be built."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wasm_plugins.kit.failures import KitError
from wasm_plugins.kit.languages import LANGUAGES
from wasm_plugins.kit.output import show
from wasm_plugins.kit.rendering import render
from wasm_plugins.kit.wit_packages import copy_packages
from wasm_plugins.kit.wit_words import wit_id
from wasm_plugins.manifest_reader import check_plugin_name

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]

_COMMON: Final = "common"


def add_parser(subcommands: Subcommands) -> None:
    """Add the subcommand to the command line."""
    parser = subcommands.add_parser("new", help="make a project for a plugin")
    parser.add_argument("name", help="the plugin's name, lower-case with hyphens; a folder of that name is made")
    parser.add_argument("--lang", required=True, choices=sorted(LANGUAGES), help="the language to write it in")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the project's files, and say what to do next."""
    name = check_plugin_name(arguments.name, "NAME")
    folder = Path(name)
    files = new_project(folder, name, arguments.lang)
    data = {"folder": str(folder), "language": arguments.lang, "files": [str(path) for path in files]}
    show(data, _next_steps(name, arguments.lang, files), as_json=arguments.json)
    return 0


def new_project(folder: Path, name: str, language: str) -> list[Path]:
    """Make a project in a folder that must not exist, and list its files without the copied interfaces.

    Args:
        folder: Where to.
        name: The plugin's name, checked.
        language: A key of ``LANGUAGES``.

    Raises:
        KitError: There is something already.
        OSError: It cannot be written.
    """
    if folder.exists() or folder.is_symlink():
        raise KitError(f"{folder} is there already: choose another name, or move it away")
    words = {
        "name": name,
        "wit": wit_id(name),
        "title": name.replace("-", " ").capitalize(),
        "needs": LANGUAGES[language].NEEDS,
        "source": LANGUAGES[language].SOURCE,
        "editor": LANGUAGES[language].EDITOR,
    }
    rendered = {**dict(render(_COMMON, words)), **dict(render(language, words))}
    for path, text in rendered.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    copy_packages(folder / "wit" / "deps")
    return sorted(rendered)


def _next_steps(name: str, language: str, files: list[Path]) -> list[str]:
    return [
        f"Made {name}, a plugin in {LANGUAGES[language].TITLE}, with {len(files)} files. What it does is in "
        f"{LANGUAGES[language].SOURCE}.",
        "",
        f"Building it needs {LANGUAGES[language].NEEDS}. Next:",
        "",
        f"  cd {name}",
        "  wasm-plugins build",
        "  wasm-plugins test",
        f"  wasm-plugins call build/{name}.wasm hook order-placed 42 gift",
    ]
