"""The compiled and linked components of this process, each loaded once."""

from __future__ import annotations

import os
import threading
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path

from .conf import PREFIX, conf, is_safe_mode
from .exceptions import SafeModeOn
from .host import host_interfaces
from .runtime.compiled import CompiledCache
from .runtime.lifeline import DEATHS, Lifeline
from .runtime.limits import CompileLimits, Limits
from .runtime.linker import LinkedComponent
from .runtime.stand_in import Callee
from .snapshot import ActivePlugin
from .storage import read_kept
from .tuning import project_limits, with_own

_linked: dict[str, LinkedComponent] = {}
_lifelines: dict[str, Lifeline] = {}
"""Where it is noted that each of them runs: where its compiled code lies."""

_standing_in: dict[str, Callee] = {}
"""What a test has called in place of what storage holds, by digest."""

_loading: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""One lock for each digest: a component that takes long to compile keeps no other from being called."""


def compiled_cache() -> CompiledCache:
    """Return the cache of compiled code on this machine.

    Raises:
        ArtifactError: Its folder is not this user's alone.
        SafeModeOn: Safe mode is on, so nothing is loaded or compiled.
    """
    refuse_in_safe_mode()
    return _cache_at(_cache_folder(), conf.COMPONENT_BYTES, conf.CACHE_BYTES)


def refuse_in_safe_mode() -> None:
    """Load, compile and fetch nothing while safe mode is on.

    Raises:
        SafeModeOn: It is.
    """
    if is_safe_mode():
        raise SafeModeOn(f"safe mode is on, so no plugin is loaded: unset {PREFIX}SAFE_MODE to end it")


@cache
def _cache_at(folder: Path, component_bytes: int, quota_bytes: int) -> CompiledCache:
    return CompiledCache(folder, limits=CompileLimits(component_bytes=component_bytes), quota_bytes=quota_bytes)


def _cache_folder() -> Path:
    if conf.CACHE_DIR is not None:
        return Path(conf.CACHE_DIR)
    home = os.environ.get("XDG_CACHE_HOME")  # XDG Base Directory Specification
    return (Path(home) if home else Path.home() / ".cache") / "wasm-plugins"


def get_linked(digest: str) -> Callee:
    """Return a component that is ready to be called.

    Blocks for milliseconds when this machine has compiled it before, for seconds when not.

    Raises:
        ArtifactError: Its bytes are not in storage, or are not those of the digest.
        CompileError: They are no component, or compiling went over a limit.
        LinkError: It imports what the host does not offer.
    """
    if (found := _linked.get(digest)) is not None:
        return found
    if (stand_in := _standing_in.get(digest)) is not None:
        return stand_in
    with _loading[digest]:
        if (found := _linked.get(digest)) is None:
            compiled = compiled_cache()
            component = compiled.load(digest, lambda: read_kept(digest))
            _lifelines[digest] = compiled.lifeline
            found = _linked[digest] = LinkedComponent(component, host_interfaces())
        return found


def running(digest: str) -> AbstractContextManager[None]:
    """Note, where other processes find it if this one dies, that a component runs while the block does."""
    lifeline = _lifelines.get(digest)
    if lifeline is None and digest in _standing_in:
        return nullcontext()  # of a test: no other process could put it into quarantine
    return (lifeline or compiled_cache().lifeline).running(digest)


@contextmanager
def standing_in(replacements: Mapping[str, Callee]) -> Iterator[None]:
    """Call these instead of what storage holds while the block runs, in every thread of this process: for tests.

    Args:
        replacements: What to call by digest. The digests are made up, so nothing else can have them.
    """
    _standing_in.update(replacements)
    try:
        yield
    finally:
        for digest in replacements:
            del _standing_in[digest]


def deaths_of(digest: str) -> int:
    """Return how many processes of this machine died while a component was looked at or called."""
    return compiled_cache().lifeline.deaths_of(digest)


def is_suspect(digest: str) -> bool:
    """Tell whether so many processes of this machine died with a component that none looks at it any more."""
    return not is_safe_mode() and deaths_of(digest) >= DEATHS


def forgive(digest: str) -> None:
    """Forget what processes of this machine died with a component."""
    if not is_safe_mode():
        compiled_cache().lifeline.forgive(digest)


def forget(keep: Collection[str]) -> None:
    """Drop every component but those with one of these digests; calls that still run keep theirs alive."""
    for digest in [digest for digest in _linked if digest not in keep]:
        _linked.pop(digest, None)
        _lifelines.pop(digest, None)
        _loading.pop(digest, None)


def call_limits(plugin: ActivePlugin, deadline_ms: int) -> Limits:
    """Return what one call of a plugin may spend: the project's limits, where the plugin has none of its own."""
    return with_own(project_limits(deadline_ms), plugin.limits)


def manifest_limits() -> Limits:
    """Return what ``get-manifest`` may spend, when nobody knows yet whose it is."""
    return project_limits(conf.MANIFEST_DEADLINE_MS)


os.register_at_fork(after_in_child=_loading.clear)
