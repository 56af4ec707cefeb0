"""A plugin that a host would take, compiled and joined to the fake host: what many calls begin with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from wasm_plugins.kit.plugin_file import PluginFile, open_plugin
from wasm_plugins.kit.trial import linked_to_fakes
from wasm_plugins.kit.verdict import verify_plugin
from wasm_plugins.manifest import Manifest
from wasm_plugins.runtime.linker import LinkedComponent


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedPlugin:
    """A plugin that a host would take, ready for calls; one for many tests."""

    file: PluginFile
    manifest: Manifest
    linked: LinkedComponent


def load_plugin(path: Path) -> LoadedPlugin:
    """Compile and verify a plugin; blocks for seconds the first time that this machine sees these bytes.

    Raises:
        PluginError: A host would refuse it.
        ValueError: It carries a signature that does not hold.
        OSError: It cannot be read.
    """
    return prepare(open_plugin(path))


def prepare(file: PluginFile) -> LoadedPlugin:
    """Verify a plugin that was compiled, and make it ready.

    Raises:
        PluginError: A host would refuse it.
        ValueError: It carries a signature that does not hold.
    """
    manifest = verify_plugin(file).manifest
    return LoadedPlugin(file=file, manifest=manifest, linked=linked_to_fakes(file))
