"""What a plugin's route answers in HTTP: its own response, a place in the queue, or an error that says who must act."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import Final

from django.db import InterfaceError, OperationalError, connections
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from . import exceptions as errors
from .access import authenticate
from .answers import make_harmless
from .csrf import check_csrf
from .error_pages import error_page, wants_page
from .failure_text import failure_text
from .manager import get_plugin_manager
from .paths import check_path
from .snapshot import RouteEntry
from .tasks import request_run

logger = logging.getLogger(__name__)

STATUS_OF: Final[Mapping[type[errors.PluginError], int]] = {
    errors.PluginNotFound: 404,
    errors.RouteNotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.AuthenticationRequired: 401,
    errors.AccessDenied: 403,
    errors.CsrfFailed: 403,
    errors.QueryTooLong: 414,
    errors.BodyNotJson: 400,
    errors.BodyTooLarge: 413,
    errors.BodyUnreadable: 400,
    errors.TooManyRuns: 503,
    errors.RunSettled: 409,
    errors.PluginFailed: 422,
    errors.PluginTrapped: 502,
    errors.LimitExceeded: 502,
    errors.AnswerRefused: 502,
    errors.DeadlineExceeded: 504,
    errors.CallStopped: 503,
    errors.PluginUnavailable: 503,
    errors.SafeModeOn: 503,
    errors.PluginQuarantined: 503,
    errors.SecondPersonNeeded: 403,
    errors.DatabaseLost: 503,
    errors.SecretUnreadable: 503,
    errors.ArtifactError: 503,
    errors.SignatureRefused: 503,
    errors.CompileError: 503,
    errors.LinkError: 503,
}
"""HTTP status by error; the nearest class counts."""

_TOLD: Final = (
    errors.RouteRefused,
    errors.PluginFailed,
    errors.DeadlineExceeded,
    errors.PluginNotFound,
    errors.PluginUnavailable,
    errors.TooManyRuns,
)
"""Errors whose text is for the caller. Others may hold a backtrace or a path: those are for the project's log."""


_RETRY_AFTER_S: Final = 5
"""When to ask again after a 503 whose error does not say: the next sync may have mended it by then."""


def status_of(error: errors.PluginError) -> int:
    """Return the HTTP status of an error."""
    return next((STATUS_OF[each] for each in type(error).__mro__ if each in STATUS_OF), 500)


def respond(request: HttpRequest, path: str) -> HttpResponse:
    """Answer a request to a plugin's path; whatever the plugin does, there is a response.

    An unsafe method needs a CSRF token, unless the request proves by itself who sends it.
    """
    try:
        check_path(request, path)
        admit = None if authenticate(request) else check_csrf
        return get_plugin_manager().call_route(request, path, admit=admit)
    except errors.PluginError as error:
        return error_response(error, request)
    except (OperationalError, InterfaceError) as error:
        if not _is_lost(error):
            raise
        return _database_lost(error, request)


def _is_lost(error: Exception) -> bool:
    """Tell whether a connection ended: PostgreSQL says so with a code, and its driver, where nobody says it, has none.

    A lock that was waited for too long, a deadlock and all else is the project's to see, as in any view of its own.
    """
    if not any(each.vendor == "postgresql" for each in connections.all(initialized_only=True)):
        return False
    code = getattr(error.__cause__, "sqlstate", None)
    return code is None or code.startswith(("08", "57P"))


def _database_lost(error: Exception, request: HttpRequest) -> HttpResponse:
    for each in connections.all(initialized_only=True):
        if each.settings_dict["ATOMIC_REQUESTS"] and each.in_atomic_block:
            each.set_rollback(True)  # the request's own transaction must not be committed
    lost = errors.DatabaseLost("the database went away")
    lost.__cause__ = error
    return error_response(lost, request)


def error_response(error: errors.PluginError, request: HttpRequest | None = None) -> HttpResponse:
    """Return the response for an error: which plugin, a code, and never a traceback.

    Args:
        error: What went wrong.
        request: Whose sender gets a page of the project's where he would rather have that than JSON.
    """
    status = status_of(error)
    if status >= 500 and not isinstance(error, errors.PluginUnavailable):  # why it sleeps was said when it failed
        extra = {"plugin": error.plugin, "plugin_version": error.version, "code": error.code}
        logger.warning("%s", failure_text(error), extra=extra)
    body = {
        "plugin": error.plugin,
        "code": error.code,
        "message": error.message if isinstance(error, _TOLD) else "the plugin gave no answer",
    }
    retry_after_s = max(1, math.ceil(getattr(error, "retry_after_s", _RETRY_AFTER_S))) if status == 503 else None
    page = None
    if request is not None and wants_page(request):
        page = error_page(request, status, {**body, "retry_after_s": retry_after_s})
    response = page or make_harmless(JsonResponse({"error": body}, status=status))
    response["Cache-Control"] = "private, no-store"
    patch_vary_headers(response, ["Accept"])
    if isinstance(error, errors.MethodNotAllowed):
        response["Allow"] = ", ".join(error.allowed)
    if retry_after_s is not None:
        response["Retry-After"] = str(retry_after_s)
    return response


def enqueue_route(request: HttpRequest, entry: RouteEntry, input_text: str) -> HttpResponse:
    """Write down a run for a route that is processed as a task; answer 202 and where to ask for it."""
    run = request_run(
        plugin=entry.plugin.name,
        handler=entry.handler,
        input_text=input_text,
        user=request.user if request.user.is_authenticated else None,
        route=entry.path,
    )
    status_url = reverse("wasm_plugins:run", args=[run.pk])
    response = JsonResponse({"run": str(run.pk), "status": run.status, "status_url": status_url}, status=202)
    response["Location"] = status_url
    response["Cache-Control"] = "private, no-store"
    return make_harmless(response)
