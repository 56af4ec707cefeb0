"""Verifies the bytes of an upload as this project would run them, in memory: nothing is stored or recorded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from . import components
from .conf import conf
from .declarations import check_routes, check_schedules
from .exceptions import CompileError, PluginQuarantined
from .host import host_interfaces
from .models import PluginVersion
from .runtime.compiler import check_preamble, digest_of
from .runtime.fingerprint import engine_fingerprint
from .runtime.lifeline import DEATHS
from .runtime.verification import Verified, verify
from .seals import check_seal, read_seal
from .signatures import hook_signatures
from .trust import load_keys

Progress = Callable[[str, int], AbstractContextManager[object]]
"""Called with a name and a size in bytes around what may take seconds."""


def no_progress(name: str, size_bytes: int) -> AbstractContextManager[object]:
    """Tell nobody."""
    return nullcontext()


def verify_bytes(data: bytes, *, name: str | None, again: bool = False, progress: Progress = no_progress) -> Verified:
    """Check a component in memory; nothing is stored or recorded.

    Args:
        data: The component.
        name: What its manifest must call it, or ``None`` if it may choose.
        again: Compile even what was refused as uncompilable before.
        progress: Told of what may take seconds.

    Raises:
        PluginError: It is no plugin that this host can run.
    """
    check_preamble(data)
    digest = digest_of(data)
    seal = read_seal(data)
    check_seal(seal, load_keys())  # before compiling: what nobody trusts costs no processor
    if not again:
        _check_not_refused(digest)
        _check_not_deadly(digest)
    else:
        components.forgive(digest)
    with progress(name or "component", len(data)):
        component = components.compiled_cache().load(digest, lambda: data)
        with components.running(digest):
            verified = verify(
                data,
                component,
                interfaces=host_interfaces(),
                hooks=hook_signatures(),
                limits=components.manifest_limits(),
                expected_name=name,
            )
    check_seal(seal.beside(verified), load_keys())
    check_routes(verified.manifest)
    check_schedules(verified.manifest)
    return verified


def host_mark() -> str:
    """Return a short digest over what a refusal may depend on: the engine, hooks, interfaces, limits, keys."""
    offered = {
        name: {function: str(each.type) for function, each in interface.functions.items()}
        for name, interface in host_interfaces().items()
    }
    hooks = {name: str(of) for name, of in hook_signatures().items()}
    keys = load_keys()
    trusted = [conf.SIGNATURES, sorted(keys.names), sorted(keys.revoked)]
    facts = [engine_fingerprint(), offered, hooks, conf.COMPONENT_BYTES, conf.SCHEDULE_INTERVAL_S, trusted]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _check_not_refused(digest: str) -> None:
    """Do not compile again, under any name, what took a compiler to its limits or what it refused."""
    refused = PluginVersion.objects.filter(
        digest=digest, state=PluginVersion.State.REFUSED, error_code=CompileError.code
    ).first()
    if refused is not None:
        raise CompileError(refused.problem)


def _check_not_deadly(digest: str) -> None:
    """Do not look again at bytes with which processes of this machine died."""
    deaths = components.deaths_of(digest)
    if deaths >= DEATHS:
        raise PluginQuarantined(
            f"{deaths} processes of this machine died while they looked at it; plugins sync --again tries once more"
        )
