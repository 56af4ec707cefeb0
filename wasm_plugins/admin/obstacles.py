"""What keeps a version from being enabled just now, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.translation import gettext as _

from .. import components, lifecycle
from ..conf import conf, is_safe_mode
from ..models import PluginVersion
from ..states import health_of
from ..trust import ENFORCE, load_keys, objection_to, way_out
from .consents import Request


def obstacles_to(version: PluginVersion, requests: Iterable[Request], user: AbstractBaseUser | None) -> list[str]:
    """List what is in the way, or nothing; the act itself checks all of it once more."""
    return list(_obstacles(version, requests, user))


def _obstacles(version: PluginVersion, requests: Iterable[Request], user: AbstractBaseUser | None) -> Iterator[str]:
    if is_safe_mode():
        yield _("Safe mode is on: no plugin is called, whether it is enabled or not.")
    if lifecycle.needs_second_person(version, user):
        yield _("You uploaded version %(number)d: somebody else has to enable it.") % {"number": version.number}
    if lacking := [each.capability for each in requests if not each.is_settled]:
        yield _("It cannot run without what nobody agreed to: %(names)s.") % {"names": ", ".join(lacking)}
    if conf.SIGNATURES == ENFORCE:
        keys = load_keys()
        if objection := objection_to(version, keys):
            yield f"{objection}; {way_out(version.plugin, version, keys)}"
    health = health_of(version)
    if health is not None and health.quarantined_at is not None:
        yield _("It is in quarantine: processes died while it was called. Release it on the plugin's page first.")
    elif not is_safe_mode() and components.is_suspect(version.digest):
        yield _("Processes of this machine died while they looked at it. Release it on the plugin's page first.")
