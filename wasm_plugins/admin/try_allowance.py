"""What a user may let a version do in a trial, in words: no trial is a way around an approval."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from .. import lifecycle
from ..grants import requested_scopes
from ..models import PluginVersion
from ..trial import Allowed
from ..trial.offer import ASKED, GRANTED, NOTHING, allowed_scopes
from .acts import user_of
from .offers import scope_in_words
from .permissions import may_approve


def open_allowances(request: HttpRequest, version: PluginVersion) -> dict[str, str]:
    """Say what a version may do in a trial, by what the user may choose.

    Grants and secrets were given to the version that serves. To let another have them, or to let any do more than is
    granted, is to approve that for one call: it takes who may approve, and is no way around the second person. Whoever
    else tries such a version sees it compute, without rows, secrets, stores and requests.
    """
    may_decide = may_approve(request) and not lifecycle.needs_second_person(version, user_of(request))
    if not (may_decide or _serves(version)):
        words = _("only compute: version %(number)d does not serve, and to let it do more takes who may approve it")
        return {NOTHING: words % {"number": version.number}}
    plugin = version.plugin
    granted = allowed_scopes(plugin, version, Allowed(http=True))
    asked = allowed_scopes(plugin, version, Allowed(all_it_asks_for=True, http=True))
    may = {GRANTED: _("do only what is granted so far: %(what)s") % {"what": _in_words(granted)}}
    if may_decide and requested_scopes(version) and asked != granted:
        words = _("do all that version %(number)d asks for, in this one call: %(what)s")
        may[ASKED] = words % {"number": version.number, "what": _in_words(asked)}
    return may


def _serves(version: PluginVersion) -> bool:
    """Tell whether somebody approved that this version, and no other, runs with what the plugin was granted."""
    plugin = version.plugin
    return plugin.is_enabled and plugin.current_version_id == version.pk


def _in_words(scopes: dict[str, Any]) -> str:
    words = [f"{name} – {scope_in_words(scope)}".removesuffix(" – ") for name, scope in sorted(scopes.items())]
    return "; ".join(words) or _("nothing")
