"""What the host would say of a plugin, by the host's own code."""

from __future__ import annotations

from typing import Final

from wasm_plugins.kit.fakes import fake_interfaces
from wasm_plugins.kit.plugin_file import PluginFile
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.signing import read_signature
from wasm_plugins.runtime.verification import Verified, verify

MANIFEST_LIMITS: Final = Limits(deadline_ms=2_000)
"""What ``get-manifest`` may spend where a project has not said otherwise."""


def verify_plugin(plugin: PluginFile) -> Verified:
    """Verify a plugin as an upload is verified; runs ``get-manifest`` in the sandbox.

    Only a project knows the types of its hooks and whom it trusts, so hooks are taken at their own word, and a
    signature need only hold.

    Raises:
        PluginError: The host would refuse it; the message is the host's.
        ValueError: It carries a signature that does not hold.
    """
    read_signature(plugin.data)
    return verify(
        plugin.data,
        plugin.component,
        interfaces=fake_interfaces(),
        hooks=plugin.component.exports,
        limits=MANIFEST_LIMITS,
    )
