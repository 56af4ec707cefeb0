"""``plugins upload FILE…``: verify components and put them where uploads arrive."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandParser

from ...conf import conf
from ...exceptions import ArtifactError, PluginError
from ...models import PluginVersion
from ...sync import take_upload
from .answer import Answer, error_data, table
from .progress import compiling
from .warnings import warnings_of

HELP: Final = "Verify components and put them into storage; a refused one changes nothing."


def add_arguments(parser: CommandParser) -> None:
    """Take the files."""
    parser.add_argument("files", nargs="+", metavar="FILE", type=Path, help="A component, usually *.wasm.")


def run(options: Mapping[str, Any]) -> Answer:
    """Upload each; one that is refused does not keep the others."""
    uploads = [_upload(path) for path in options["files"]]
    failed = sum(1 for each in uploads if each["error"] is not None)
    problem = f"{failed} of {len(uploads)} refused" if failed else ""
    lines = [table(("FILE", "PLUGIN", "VERSION", ""), [_line(each) for each in uploads])]
    lines += [f"warning: {each['plugin']}: {warning}" for each in uploads for warning in each["warnings"]]
    return Answer({"uploads": uploads}, "\n".join(lines), problem)


def _upload(path: Path) -> dict[str, Any]:
    try:
        recorded = take_upload(_read(path), progress=lambda name, size_bytes: compiling(path.name, size_bytes))
    except PluginError as error:
        told = error_data(error.code, error)
        return {"file": str(path), "plugin": error.plugin, "version": None, "error": told, "warnings": []}
    version = recorded.version
    return {
        "file": str(path),
        "plugin": version.plugin.name,
        "version": version.number,
        "error": None,
        "is_new": recorded.is_new,
        "warnings": warnings_of(version.plugin, version),
        **_next(version),
    }


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > conf.COMPONENT_BYTES:
            raise ArtifactError(f"{path.stat().st_size} bytes; the limit component_bytes is {conf.COMPONENT_BYTES}")
        return path.read_bytes()
    except OSError as error:
        raise ArtifactError(f"cannot be read: {error.strerror}") from error


def _next(version: PluginVersion) -> dict[str, bool]:
    plugin = version.plugin
    plugin.refresh_from_db()
    return {"is_current": plugin.current_version_id == version.pk, "is_enabled": plugin.is_enabled}


def _line(each: Mapping[str, Any]) -> tuple[object, ...]:
    return each["file"], each["plugin"] or "-", each["version"] or "-", _said(each)


def _said(each: Mapping[str, Any]) -> str:
    """Say what became of it and what is to be done next."""
    if each["error"] is not None:
        return f"refused: {each['error']['message']}"
    known = "" if each["is_new"] else "already recorded; "
    if each["is_enabled"] and each["is_current"]:
        return f"{known}serving"
    extra = "" if each["is_current"] else f" --version {each['version']}"
    return f"{known or 'verified; '}plugins enable {each['plugin']}{extra} lets it serve"
