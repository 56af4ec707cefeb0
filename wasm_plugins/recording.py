"""Turns the bytes of one upload into a recorded version: kept, then verified or refused; nothing of it serves yet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction

from . import components, storage
from .audit import record_act
from .conf import conf
from .declarations import check_routes, follow_manifest
from .exceptions import ArtifactError, CompileError, PluginError, PluginQuarantined
from .grants import asks_no_more
from .host import host_interfaces
from .models import Plugin, PluginVersion
from .registry import mark_changed
from .runtime.compiler import check_preamble, digest_of
from .runtime.component import Component
from .runtime.fingerprint import engine_fingerprint
from .runtime.lifeline import DEATHS
from .runtime.verification import Verified, verify
from .seals import Seal, check_seal, read_seal
from .signatures import hook_signatures
from .trust import is_step_back, is_trusted, load_keys

_ATTEMPTS: Final = 3
_PROBLEM_CHARS: Final = 2_000

Progress = Callable[[str, int], AbstractContextManager[object]]
"""Called with a name and a size in bytes around what may take seconds."""


def no_progress(name: str, size_bytes: int) -> AbstractContextManager[object]:
    """Tell nobody."""
    return nullcontext()


@dataclass(frozen=True, slots=True)
class _Upload:
    """What is written of some bytes."""

    name: str
    digest: str
    size_bytes: int
    verdict: Verified | PluginError
    seal: Seal
    is_by_hand: bool
    """Whether somebody uploaded it, unlike what storage brought."""
    by: AbstractBaseUser | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of some bytes."""

    version: PluginVersion
    is_new: bool
    """Whether this is the first time that they were recorded, or that they were verified after a refusal."""
    is_switched: bool
    """Whether the version became the plugin's current one by that."""


def record(
    name: str,
    data: bytes,
    *,
    again: bool = False,
    host_changed: bool = False,
    verified: Verified | None = None,
    by: AbstractBaseUser | None = None,
    progress: Progress = no_progress,
) -> Recorded:
    """Keep and verify the bytes of a plugin, and record the verdict; what is known already costs two queries.

    Blocks while the bytes are compiled in a child process, and holds no transaction meanwhile.

    Args:
        name: The plugin that they were uploaded as.
        data: The component.
        again: Verify once more what was refused.
        host_changed: The same, unless the verdict is one that does not depend on this host's hooks and interfaces.
        verified: The verdict, where it is known: of an upload.
        by: Who uploaded it.
        progress: Told of what may take seconds.

    Raises:
        ArtifactError: The storage or the cache of compiled code failed, so that there is no verdict.
    """
    digest = digest_of(data)
    known = PluginVersion.objects.filter(plugin__name=name, digest=digest).select_related("plugin").first()
    if known is not None and verified is None and not _is_open(known, again=again, host_changed=host_changed):
        return Recorded(known, is_new=False, is_switched=False)
    storage.keep(digest, data)
    verdict: Verified | PluginError
    try:
        verdict = verified or verify_bytes(data, name=name, again=again, progress=progress)
    except ArtifactError:
        raise
    except PluginError as refusal:
        verdict = refusal
    return _written(_Upload(name, digest, len(data), verdict, read_seal(data), is_by_hand=verified is not None, by=by))


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
        native = components.compiled_cache().load(digest, lambda: data)
        with components.running(digest):
            verified = verify(
                data,
                Component(native),
                interfaces=host_interfaces(),
                hooks=hook_signatures(),
                limits=components.manifest_limits(),
                expected_name=name,
            )
    check_seal(seal.beside(verified), load_keys())
    check_routes(verified.manifest)
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
    facts = [engine_fingerprint(), offered, hooks, conf.COMPONENT_BYTES, trusted]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def text_of(error: Exception) -> str:
    """Return what an error says, as a text that every database takes."""
    said = error.message if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
    return said.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()[:_PROBLEM_CHARS]


def _is_open(known: PluginVersion, *, again: bool, host_changed: bool) -> bool:
    """Tell whether a recorded verdict may come out otherwise now: only a refusal, and a compiler's never by itself."""
    if known.state == PluginVersion.State.VERIFIED:
        return False
    return again or (host_changed and known.error_code != CompileError.code)


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


def _written(upload: _Upload) -> Recorded:
    """Write the verdict; once more if another process wrote the same at the same time."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with transaction.atomic():
                recorded = _write(upload)
                _attribute(recorded, upload)
                return recorded
        except IntegrityError:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("the last attempt returns or raises")


def _write(upload: _Upload) -> Recorded:
    Plugin.objects.get_or_create(name=upload.name)
    plugin = Plugin.objects.select_for_update().get(name=upload.name)
    version = plugin.versions.filter(digest=upload.digest).first()
    if version is not None and version.state == PluginVersion.State.VERIFIED:
        return Recorded(version, is_new=False, is_switched=False)
    is_refused_again = version is not None and isinstance(upload.verdict, PluginError)
    if version is None:
        last = plugin.versions.order_by("-number").values_list("number", flat=True).first()
        number = (last or 0) + 1
        version = PluginVersion(plugin=plugin, digest=upload.digest, size_bytes=upload.size_bytes, number=number)
    _fill(version, upload)
    version.save()
    is_switched = not isinstance(upload.verdict, PluginError) and _goes_live(plugin, version, upload)
    if is_switched:
        plugin.current_version = version
        plugin.save(update_fields=["current_version"])
        follow_manifest(plugin)
        mark_changed()
    return Recorded(version, is_new=not is_refused_again, is_switched=is_switched)


def _attribute(recorded: Recorded, upload: _Upload) -> None:
    """Write down who brought a version in, and what went live by itself."""
    version, by = recorded.version, upload.by
    if by is not None and version.uploaded_by_id is None:
        version.uploaded_by_id = by.pk
        version.save(update_fields=["uploaded_by"])
    if upload.is_by_hand:
        record_act(by, "upload", version.plugin, version=version)
    if recorded.is_switched:
        record_act(by, "switch", version.plugin, version=version, details={"upgrades": conf.UPGRADES})


def _fill(version: PluginVersion, upload: _Upload) -> None:
    seal, verdict = upload.seal, upload.verdict
    if isinstance(verdict, PluginError):
        version.trust, version.signing_key, version.statement = seal.recorded(load_keys())
        version.state = PluginVersion.State.REFUSED
        version.error_code, version.problem = verdict.code, text_of(verdict)
        return
    seal = seal.beside(verdict)
    version.trust, version.signing_key, version.statement = seal.recorded(load_keys())
    version.state = PluginVersion.State.VERIFIED
    version.error_code, version.problem = "", ""
    version.manifest = verdict.manifest.as_json()
    version.imports = list(verdict.imports)
    version.exports = dict(verdict.exports)
    version.findings = [*verdict.findings, *seal.findings(load_keys())]


def _goes_live(plugin: Plugin, version: PluginVersion, upload: _Upload) -> bool:
    """Tell whether a version that was verified just now becomes the current one; what is off stays off by that."""
    if plugin.current_version_id is None:
        return True
    if conf.TWO_PERSONS and upload.by is not None:
        return False  # or who uploads would approve by that
    if conf.UPGRADES not in ("same-capabilities", "signed"):
        return False
    keys = load_keys()
    if conf.UPGRADES == "signed" and not is_trusted(version, keys):
        return False
    return not is_step_back(plugin, version, keys) and asks_no_more(plugin, version)
