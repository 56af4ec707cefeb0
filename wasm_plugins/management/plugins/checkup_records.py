"""The checks of ``plugins doctor`` that read the records: runs, signatures, the health of versions, secrets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from django.db.models import F, Q
from django.utils import timezone

from ...conf import PREFIX, conf, is_safe_mode
from ...models import Plugin, PluginVersion, Secret, TaskRun, VersionHealth
from ...secret_acts import find_unreadable
from ...trust import ENFORCE, HOW_TO_BEGIN, NO_KEY_IS_TRUSTED, OFF, Keys, load_keys, objection_to, way_out
from .finding import Finding

_STALE: Final = timedelta(minutes=10)


def check_runs() -> Iterator[Finding]:
    """Look for runs that nobody works on."""
    before = timezone.now() - _STALE
    waiting = Q(status__in=[TaskRun.Status.PENDING, TaskRun.Status.QUEUED], due_at__lt=before)
    silent = Q(status=TaskRun.Status.RUNNING, lease_until__lt=before)
    count = TaskRun.objects.filter(waiting | silent).count()
    advice = "start manage.py plugins scheduler, which finds them, and enough workers" if count else ""
    minutes = int(_STALE.total_seconds() // 60)
    yield Finding("runs", count == 0, f"{count} stand still for more than {minutes} minutes", advice)


def check_signatures() -> Iterator[Finding]:
    """Look for enabled plugins whose signature is not trusted, where the project wants signatures."""
    if conf.SIGNATURES == OFF:
        yield Finding("signatures", True, "not asked for")
        return
    keys = load_keys()
    if conf.SIGNATURES == ENFORCE and not keys.names:
        yield Finding("trusted keys", False, NO_KEY_IS_TRUSTED, HOW_TO_BEGIN)
    enabled = PluginVersion.objects.filter(plugin__is_enabled=True, plugin__current_version=F("pk"))
    serving = list(enabled.select_related("plugin").order_by("plugin__name"))
    bad = [found for version in serving if (found := _untrusted(version, keys)) is not None]
    yield from bad or [Finding("signatures", True, f"{len(serving)} enabled plugins are trusted")]


def _untrusted(version: PluginVersion, keys: Keys) -> Finding | None:
    if not (objection := objection_to(version, keys)):
        return None
    name, said = f"signature of {version.plugin.name}", f"version {version.number}: {objection}"
    return Finding(name, False, said, way_out(version.plugin, version, keys))


def check_health() -> Iterator[Finding]:
    """Look for versions that sleep or are in quarantine."""
    if is_safe_mode():
        yield Finding("safe mode", False, "is on: no plugin is loaded", f"unset {PREFIX}SAFE_MODE")
    ill = VersionHealth.objects.exclude(open_until=None, quarantined_at=None).select_related("version__plugin")
    for health in ill.filter(version__plugin__current_version=F("version")):
        name = health.version.plugin.name
        if health.quarantined_at is not None:
            said = f"version {health.version.number} is in quarantine: {health.deaths} processes died while it ran"
        else:
            said = f"version {health.version.number} is asleep after failures: {health.last_error_code}"
        yield Finding(f"plugin {name}", False, said, f"disable it or roll back; plugins release {name} ends this")


def check_secrets() -> Iterator[Finding]:
    """Decrypt every secret, as a plugin's call would."""
    unreadable = [f"{plugin.name}: {name}" for plugin in Plugin.objects.all() for name in find_unreadable(plugin)]
    if unreadable:
        said = f"cannot be decrypted: {', '.join(unreadable)}"
        yield Finding("secrets", False, said, "bring their key back, or set them again: manage.py plugins secrets set")
    else:
        yield Finding("secrets", True, f"{Secret.objects.count()} are set, all can be decrypted")
