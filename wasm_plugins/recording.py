"""Turns the bytes of one upload into a recorded version: kept, then verified or refused; nothing of it serves yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, transaction

from . import storage
from .audit import record_act
from .conf import conf
from .declarations import follow_manifest
from .exceptions import ArtifactError, CompileError, PluginError
from .grants import asks_no_more
from .models import Plugin, PluginVersion
from .registry import mark_changed
from .runtime.compiler import digest_of
from .runtime.verification import Verified
from .seals import Seal, read_seal
from .trust import is_step_back, is_trusted, load_keys
from .verification import Progress, no_progress, verify_bytes

_ATTEMPTS: Final = 3
_PROBLEM_CHARS: Final = 2_000


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
    may_switch: bool


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
    may_switch: bool = True,
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
        may_switch: Whether it may replace the current version by itself where the project lets versions do so.
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
    seal, is_by_hand = read_seal(data), verified is not None
    return _written(_Upload(name, digest, len(data), verdict, seal, is_by_hand, by, may_switch))


def text_of(error: Exception) -> str:
    """Return what an error says, as a text that every database takes."""
    said = error.message if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
    return said.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()[:_PROBLEM_CHARS]


def _is_open(known: PluginVersion, *, again: bool, host_changed: bool) -> bool:
    """Tell whether a recorded verdict may come out otherwise now: only a refusal, and a compiler's never by itself."""
    if known.state == PluginVersion.State.VERIFIED:
        return False
    return again or (host_changed and known.error_code != CompileError.code)


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
    if not upload.may_switch:
        return False
    if conf.TWO_PERSONS and upload.by is not None:
        return False  # or who uploads would approve by that
    if conf.UPGRADES not in ("same-capabilities", "signed"):
        return False
    keys = load_keys()
    if conf.UPGRADES == "signed" and not is_trusted(version, keys):
        return False
    return not is_step_back(plugin, version, keys) and asks_no_more(plugin, version)
