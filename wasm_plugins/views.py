"""The catch-all view of plugin routes, and the state of a run that was asked for through one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from .access import authenticate
from .answers import make_harmless
from .exceptions import MethodNotAllowed, RouteNotFound
from .models import TaskRun
from .paths import NOTHING_HERE
from .registry import find_snapshot
from .routes import error_response, respond
from .tasks import describe_run


@login_not_required  # each route has an access of its own
@csrf_exempt
def route(request: HttpRequest, path: str) -> HttpResponse:
    """Answer by the plugin that serves the path; CSRF is enforced even where a project left its middleware out.

    The middleware's own check is left to ``respond``: it comes after the method and the user, and its refusal is JSON.
    """
    return respond(request, f"/{path}")


@login_not_required
@csrf_exempt
@never_cache
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Tell how a run stands, to whoever asked for it and to staff who may see runs; it changes nothing.

    A run that nobody was logged in for is told to anyone who knows its id, which is 122 random bits. One of somebody
    else's is answered like one that never was.
    """
    if request.method not in ("GET", "HEAD"):
        return error_response(MethodNotAllowed("a run takes GET, HEAD", allowed=("GET", "HEAD")))
    authenticate(request)
    sees_all = _sees_all(request.user)  # asked first, so that neither queries nor headers tell whether there is one
    found = TaskRun.objects.select_related("plugin", "version").filter(pk=run_id).first()
    if found is None or not (sees_all or _is_askers(request.user, found)):
        return error_response(RouteNotFound(NOTHING_HERE))
    return make_harmless(JsonResponse(describe_run(found, for_staff=sees_all)))


def _sees_all(user: Any) -> bool:
    return bool(user.is_authenticated and user.is_staff and user.has_perm("wasm_plugins.view_taskrun"))


def _is_askers(user: Any, found: TaskRun) -> bool:
    if found.requested_by_id is None:
        entry = find_snapshot().routes.get(found.route)
        return entry is not None and entry.access == "public"  # a user who was deleted leaves no open run behind
    return bool(user.is_authenticated and found.requested_by_id == user.pk)
