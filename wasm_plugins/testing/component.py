"""Real components in tests: made of WebAssembly text, or from a file, enabled without an upload."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from .. import components
from ..capabilities import DECLARED, requested
from ..exceptions import CapabilityDenied
from ..grants import check_grant
from ..host import host_interfaces
from ..manifest import TOML_SECTION, Manifest
from ..runtime.component import Component
from ..runtime.linker import LinkedComponent
from ..runtime.sections import append_section
from ..runtime.verification import Verified, verify
from ..runtime.wat import assemble
from ..signatures import hook_signatures


def component_from_wat(text: str, *, toml: str | None = None) -> bytes:
    """Return a component that is written as WebAssembly text; nothing is compiled or run, and it takes milliseconds.

    Args:
        text: One ``(component …)``, in the text format of the component model.
        toml: Text of its ``plugin.toml``, embedded as the kit embeds it; ``None`` for none.

    Raises:
        CompileError: It is no such text; the message says where.
    """
    data = assemble(text)
    return data if toml is None else append_section(data, TOML_SECTION, toml.encode())


class ComponentPlugin:
    """A component for ``override_plugins``, verified as an upload is and called in the sandbox.

    The first use compiles it, which takes milliseconds for a small one and 15 seconds for one made of Python; the
    machine's folder of compiled code keeps it. Signatures are not looked at.
    """

    version: Final = 1
    """The version number that results and errors name."""

    def __init__(self, data: bytes, *, grants: Mapping[str, Any] | None = None) -> None:
        """Take a component.

        Args:
            data: Its bytes.
            grants: What an admin would have granted, scope by capability; ``None`` grants all that it asks for.

        Raises:
            ValueError: There is no such capability, or its scope has another shape.
        """
        self._data: Final = bytes(data)
        self._given: Final = grants
        for capability, scope in (grants or {}).items():
            check_grant(capability, scope)

    @property
    def manifest(self) -> Manifest:
        """What it declares; verifies it.

        Raises:
            PluginError: It is no plugin that this host can run.
        """
        return self._verified.manifest

    @property
    def grants(self) -> Mapping[str, Any]:
        """What an admin would have granted: scope by capability.

        Raises:
            CapabilityDenied: It imports what was not granted, so no admin could enable it.
        """
        needed = requested(self._verified.imports)
        if self._given is None:
            asked = self.manifest.capabilities
            return {name: asked.get(name, {}) for name in (*needed, *sorted(DECLARED & asked.keys()))}
        for name in needed:
            if name not in self._given:
                raise CapabilityDenied(f"needs the capability {name}", missing=name, plugin=self.manifest.name)
        return self._given

    def callee(self) -> LinkedComponent:
        """Return what is called."""
        return self._linked

    @cached_property
    def _component(self) -> Component:
        digest = hashlib.sha256(self._data).hexdigest()
        return components.compiled_cache().load(digest, lambda: self._data)

    @cached_property
    def _linked(self) -> LinkedComponent:
        return LinkedComponent(self._component, host_interfaces())

    @cached_property
    def _verified(self) -> Verified:
        return verify(
            self._data,
            self._component,
            interfaces=host_interfaces(),
            hooks=hook_signatures(),
            limits=components.manifest_limits(),
        )
