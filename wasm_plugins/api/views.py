"""The addresses of the API: whose a token is, how a plugin stands, what it wrote; upload a component, enable it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from .. import lifecycle
from ..audit import record_act
from ..conf import conf
from ..consent import scopes_to_approve
from ..exceptions import PluginError
from ..models import ApiToken, Plugin, PluginVersion
from ..sync import take_upload
from .bodies import component_bytes, read_component, read_order
from .endpoint import check_allowed, endpoint, is_allowed
from .logs import recent_entries
from .refusals import Refusal, json_response
from .reports import plugin_report, version_report, written
from .uploads import check_rate, room

Act = ApiToken.Act


@endpoint(None, "GET")
def token(request: HttpRequest, token: ApiToken) -> HttpResponse:
    """Tell whose the token is, what it is for, and what the server takes and keeps."""
    return json_response(
        {
            "token": token.key,
            "name": token.name,
            "user": request.user.get_username(),
            "acts": token.acts,
            "plugins": token.plugins,
            "expires_at": written(token.ends_at),
            "component_bytes": conf.COMPONENT_BYTES,
            "keeps_calls": conf.KEPT_CALLS > 0,
            "now": written(timezone.now()),
        }
    )


@endpoint(Act.UPLOAD, "PUT", "POST")
def component(request: HttpRequest, token: ApiToken, name: str) -> HttpResponse:
    """Take a component: verify it as in the admin, record it, and report; nothing that is off goes on by that.

    A version goes live by itself only where the project wants that, and the token could have enabled it.

    The name in the address must be that of its manifest, so that a token for one plugin uploads no other.
    """
    length = component_bytes(request)
    check_rate(token.user)
    with room.one(token.user_id):
        data = read_component(request, length)
        may_switch = is_allowed(request, token, Act.ENABLE, name)
        recorded = take_upload(data, name=name, by=token.user, may_switch=may_switch)
    plugin = Plugin.objects.select_related("current_version__health").get(pk=recorded.version.plugin_id)
    report = {"report": version_report(plugin, recorded.version), "is_new": recorded.is_new}
    return json_response({**report, **_standing(plugin)}, status=201 if recorded.is_new else 200)


@endpoint(Act.SEE, "GET")
def plugin(request: HttpRequest, token: ApiToken, name: str) -> HttpResponse:
    """Tell how a plugin stands."""
    return json_response(plugin_report(_plugin(name)))


@endpoint(Act.LOG, "GET")
def log(request: HttpRequest, token: ApiToken, name: str) -> HttpResponse:
    """Tell of the last calls and runs, with what the plugin wrote; ``since`` leaves out what ended before."""
    entries = recent_entries(_plugin(name), _since(request))
    return json_response(
        {"plugin": name, "entries": entries, "keeps_calls": conf.KEPT_CALLS > 0, "now": written(timezone.now())}
    )


@endpoint(Act.ENABLE, "POST")
def enable(request: HttpRequest, token: ApiToken, name: str) -> HttpResponse:
    """Let a plugin serve with one version, and before, where that is asked for, grant what the version asks for."""
    number, is_granting = _order(read_order(request))
    if is_granting:
        check_allowed(request, token, Act.GRANT, name)
    found = _plugin(name)
    try:
        with transaction.atomic():
            _enable(found, number, is_granting=is_granting, by=token.user)
    except PluginError as error:
        record_act(token.user, "enable", found, outcome=error.code, details={"version": number})
        raise
    return json_response(plugin_report(_plugin(name)))


@endpoint(None)
def nothing(request: HttpRequest, token: ApiToken, path: str) -> HttpResponse:
    """Answer every other address."""
    raise Refusal("not-found", "there is no such address")


def _enable(plugin: Plugin, number: int, *, is_granting: bool, by: Any) -> None:
    """Grant and switch at once, so that what serves until then never runs with another version's grants."""
    locked = Plugin.objects.select_for_update().get(pk=plugin.pk)
    if is_granting:
        version = locked.versions.filter(number=number, state=PluginVersion.State.VERIFIED).first()
        for capability, scope in ({} if version is None else scopes_to_approve(locked, version)).items():
            lifecycle.grant(locked, capability, scope, by=by)
    lifecycle.enable(locked, version=number, by=by)


def _order(order: dict[str, Any]) -> tuple[int, bool]:
    number, is_granting = order.get("version"), order.get("grant", False)
    if type(number) is not int or not 0 < number < 2**31 or type(is_granting) is not bool:
        raise Refusal("body-refused", 'say {"version": 3}, and with "grant": true also grant what it asks for')
    return number, is_granting


def _plugin(name: str) -> Plugin:
    found = Plugin.objects.select_related("current_version__health").filter(name=name).first()
    if found is None:
        raise Refusal("plugin-not-found", "there is no such plugin", plugin=name)
    return found


def _standing(plugin: Plugin) -> dict[str, Any]:
    told = plugin_report(plugin)
    return {key: told[key] for key in ("plugin", "state", "is_enabled", "not_called", "waiting_version")}


def _since(request: HttpRequest) -> datetime | None:
    text = request.GET.get("since", "")
    if not text:
        return None
    try:
        moment = parse_datetime(text) if len(text) <= 40 else None
        moment = None if moment is None or timezone.is_naive(moment) else moment.astimezone(UTC)
    except (ValueError, OverflowError):  # near the year 1 or 9999 there may be no such moment in UTC
        moment = None
    if moment is None:
        raise Refusal("body-refused", "since is no moment in ISO 8601 with a time zone, such as 2026-01-31T12:00:00Z")
    return moment
