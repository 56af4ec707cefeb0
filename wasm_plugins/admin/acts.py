"""What the buttons of a plugin's page do: each calls functions of ``lifecycle`` and says what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from .. import lifecycle
from ..consent import missing_scopes, scopes_to_approve
from ..models import Plugin, PluginVersion
from .permissions import may_release

Act = Callable[[Plugin, HttpRequest], str]


def user_of(request: HttpRequest) -> AbstractBaseUser | None:
    """Return who is logged in; pages of the admin let nobody else in."""
    return request.user if isinstance(request.user, AbstractBaseUser) else None


def _enable(plugin: Plugin, request: HttpRequest) -> str:
    version = _version(plugin, request).number if "number" in request.POST else None  # the one that the page showed
    lifecycle.enable(plugin, version=version, by=user_of(request))
    return _("enabled")


def _disable(plugin: Plugin, request: HttpRequest) -> str:
    lifecycle.disable(plugin, by=user_of(request))
    return _("disabled")


def _use_version(plugin: Plugin, request: HttpRequest) -> str:
    number = _version(plugin, request).number
    lifecycle.use_version(plugin, number, by=user_of(request))
    return _("version %(number)d is the current one now") % {"number": number}


def _grant_requested(plugin: Plugin, request: HttpRequest) -> str:
    """Grant what one version asks for and nobody granted; a version never changes, so it is what the page showed."""
    version = _verified(plugin, request)
    return _granted(version, missing_scopes(plugin, version), plugin, request)


def _granted(version: PluginVersion, scopes: Mapping[str, Any], plugin: Plugin, request: HttpRequest) -> str:
    """Grant scopes, all or nothing."""
    with transaction.atomic():
        for name, scope in scopes.items():
            lifecycle.grant(plugin, name, scope, by=user_of(request))
    names = ", ".join(scopes) or _("nothing")
    return _("granted what version %(number)d asks for: %(names)s") % {"number": version.number, "names": names}


def _approve(plugin: Plugin, request: HttpRequest) -> str:
    """Grant and switch at once, so that the version which serves until then never runs with another one's grants."""
    version = _verified(plugin, request)
    with transaction.atomic():
        locked = Plugin.objects.select_for_update().get(pk=plugin.pk)  # or a grant that is narrowed meanwhile is lost
        said = _granted(version, scopes_to_approve(locked, version), plugin, request)
        return f"{said}; {_use_version(plugin, request)}"


def _verified(plugin: Plugin, request: HttpRequest) -> PluginVersion:
    """Return the version that a form names.

    Raises:
        ValueError: There is none, or it was refused.
    """
    version = _version(plugin, request)
    if version.state != PluginVersion.State.VERIFIED:
        raise ValueError(_("Version %(number)d was refused.") % {"number": version.number})
    return version


def _release(plugin: Plugin, request: HttpRequest) -> str:
    lifecycle.release(plugin, by=user_of(request))
    return _("woken up")


def _version(plugin: Plugin, request: HttpRequest) -> PluginVersion:
    """Return the version that a form names.

    Raises:
        ValueError: It names none of the plugin's.
    """
    number = request.POST.get("number", "")
    known = {str(version.number): version for version in plugin.versions.all()}
    if number not in known:
        raise ValueError(_("There is no such version."))
    return known[number]


ACTS: Final[Mapping[str, Act]] = {
    "enable": _enable,
    "disable": _disable,
    "use-version": _use_version,
    "grant-requested": _grant_requested,
    "approve": _approve,
    "release": _release,
}

PERMITTED: Final[Mapping[str, Callable[[HttpRequest], bool]]] = {"release": may_release}
"""Who may do an act, where that is not whoever approves."""
