"""What the buttons of a plugin's page do: each calls one function of ``lifecycle`` and says what happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.utils.translation import gettext as _

from .. import lifecycle
from ..grants import requested_scopes
from ..models import Plugin

Act = Callable[[Plugin, HttpRequest], str]


def user_of(request: HttpRequest) -> AbstractBaseUser | None:
    """Return who is logged in; pages of the admin let nobody else in."""
    return request.user if isinstance(request.user, AbstractBaseUser) else None


def _enable(plugin: Plugin, request: HttpRequest) -> str:
    lifecycle.enable(plugin, by=user_of(request))
    return _("Enabled")


def _disable(plugin: Plugin, request: HttpRequest) -> str:
    lifecycle.disable(plugin, by=user_of(request))
    return _("Disabled")


def _use_version(plugin: Plugin, request: HttpRequest) -> str:
    number = int(request.POST.get("number", ""))
    lifecycle.use_version(plugin, number, by=user_of(request))
    return _("Version %d serves now") % number


def _grant_requested(plugin: Plugin, request: HttpRequest) -> str:
    """Grant what the current version needs, as far as it asks for."""
    version = plugin.current_version
    if version is None:
        raise ValueError(_("There is no version to grant anything to."))
    scopes = requested_scopes(version)
    for name, scope in scopes.items():
        lifecycle.grant(plugin, name, scope, by=user_of(request))
    return _("Granted %s") % (", ".join(scopes) or "–")


ACTS: Final[Mapping[str, Act]] = {
    "enable": _enable,
    "disable": _disable,
    "use-version": _use_version,
    "grant-requested": _grant_requested,
}
