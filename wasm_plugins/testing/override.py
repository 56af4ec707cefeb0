"""``override_plugins``: for one test exactly these plugins are enabled, and nothing else is."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final, Protocol

from django.test.utils import TestContextDecorator

from .. import components
from ..declarations import DeclaredRows
from ..manifest import Manifest
from ..registry import registry
from ..runtime.stand_in import Callee
from ..snapshot import ActivePlugin, join
from .component import ComponentPlugin

_ids: Final = itertools.count(-1, -1)
"""Below zero, where no row has its id; a new one each time, so that no test inherits another one's failures."""


class TestPlugin(Protocol):
    """What can be enabled for a test: a ``FakePlugin`` or a ``ComponentPlugin``."""

    @property
    def manifest(self) -> Manifest:
        """What it declares."""
        ...

    @property
    def grants(self) -> Mapping[str, Any]:
        """What an admin would have granted: scope by capability."""
        ...

    @property
    def version(self) -> int:
        """The version number that results and errors name."""
        ...

    def callee(self) -> Callee:
        """Return what is called."""
        ...


class override_plugins(TestContextDecorator):
    """Enable exactly these plugins in this process, and restore what was enabled afterwards.

    A context manager, and a decorator of test functions, of coroutines and of subclasses of ``unittest.TestCase``, as
    Django's ``override_settings`` is. Everything but the component itself is as in production: order, modes, errors,
    savepoints, who may call a route, deadlines, limits, the circuit breaker. The database is neither read nor written
    for it, so the admin and ``plugins list`` do not show these plugins, and no run of a task can be queued for them.

    Other threads of the process see the same plugins, for example that of a live server; other processes do not.
    Blocks may lie inside one another; the innermost counts.

    Args:
        *plugins: Each a ``FakePlugin``, a ``ComponentPlugin``, or the bytes of a component, which is granted what it
            asks for. None at all: no plugin is enabled.

    Raises:
        ValueError: Two of them have the same name, or a fake plugin answers a hook that the project does not declare.
        PluginError: A component is none that an admin could enable.
    """

    def __init__(self, *plugins: TestPlugin | bytes) -> None:
        super().__init__()
        self.plugins: Final = tuple(
            ComponentPlugin(each) if isinstance(each, bytes | bytearray) else each for each in plugins
        )
        self._entered: Final[list[ExitStack]] = []

    def enable(self) -> tuple[TestPlugin, ...]:
        """Enable the plugins; ``with`` and the decorator do it."""
        active: dict[int, ActivePlugin] = {}
        rows, callees = DeclaredRows(), {}
        for each in self.plugins:
            plugin = _active(each)
            if any(other.name == plugin.name for other in active.values()):
                raise ValueError(f"two plugins are called {plugin.name}; names are unique")
            active[plugin.id] = plugin
            rows.add(plugin.id, plugin.manifest)
            callees[plugin.digest] = each.callee()
        snapshot = join(active, rows.hooks, rows.routes, rows.tasks)
        with ExitStack() as stack:
            stack.enter_context(components.standing_in(callees))
            stack.enter_context(registry.pinned(snapshot))
            self._entered.append(stack.pop_all())
        return self.plugins

    def disable(self) -> None:
        """Enable again what was enabled before; ``with`` and the decorator do it."""
        self._entered.pop().close()


def _active(plugin: TestPlugin) -> ActivePlugin:
    own = next(_ids)
    return ActivePlugin(
        id=own,
        name=plugin.manifest.name,
        version_id=own,
        version=plugin.version,
        digest=secrets.token_hex(32),
        manifest=plugin.manifest,
        grants=plugin.grants,
    )
