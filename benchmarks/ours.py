"""Our ways to do the echo job, in a Django project: the sandbox alone, and a hook with its savepoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from django.db import transaction

from wasm_plugins import components, get_plugin_manager, hook, lifecycle, storage
from wasm_plugins.manifest import HookDeclaration, Manifest, RouteDeclaration
from wasm_plugins.models import Plugin, PluginVersion
from wasm_plugins.runtime import sandbox
from wasm_plugins.runtime.compiler import digest_of

from .components import EXPORT, Guest
from .rivals import Echo


@hook
def echo(text: str) -> str:
    """Asked in SQLite's transaction."""
    raise NotImplementedError


@hook(name="echo", using="postgresql")
def echo_on_postgresql(text: str) -> str:
    """Asked in PostgreSQL's transaction."""
    raise NotImplementedError


@hook
def nobody_answers(text: str) -> str:
    """No plugin has it."""
    raise NotImplementedError


def install(name: str, guest: Guest, *, routes: tuple[RouteDeclaration, ...] = ()) -> Plugin:
    """Put a plugin straight into the records, enabled; verification is not what is measured."""
    digest = digest_of(guest.data)
    storage.keep(digest, guest.data)
    plugin = Plugin.objects.create(name=name)
    PluginVersion.objects.create(
        plugin=plugin,
        number=1,
        digest=digest,
        size_bytes=len(guest.data),
        state=PluginVersion.State.VERIFIED,
        manifest=Manifest(name=name, hooks=(HookDeclaration(name=EXPORT),), routes=routes).as_json(),
    )
    return lifecycle.enable(plugin, version=1)


def remove(plugin: Plugin) -> None:
    """Let a plugin answer no more."""
    lifecycle.disable(plugin)
    get_plugin_manager().reload()


def compile_ahead(guest: Guest) -> None:
    """Compile what this machine has not compiled yet: the first start, which is not measured."""
    components.compiled_cache().load(digest_of(guest.data), lambda: guest.data)


def in_sandbox(guest: Guest) -> Echo:
    """Return the sandbox call: a fresh store with all limits, a deadline, and the host's interfaces."""
    linked = components.get_linked(digest_of(guest.data))
    limits = components.manifest_limits()
    return lambda text: sandbox.call(linked, EXPORT, [text], limits=limits)


def as_hook(using: str) -> Echo:
    """Return the hook call as a checkout makes it, in a transaction that is open already."""
    asked = echo_on_postgresql if using == "postgresql" else echo
    return lambda text: asked(text)[0].value


def empty_hook() -> Callable[[], object]:
    """Return the call of a hook that nobody answers."""
    return lambda: nobody_answers("")


@contextmanager
def in_transactions(aliases: Sequence[str]) -> Iterator[None]:
    """Have a transaction open on each database, as whoever calls a hook has one."""
    with ExitStack() as blocks:
        for alias in aliases:
            blocks.enter_context(transaction.atomic(using=alias))
        yield
