"""The catch-all view of plugin routes, and the state of a run that was asked for through one."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_safe

from .exceptions import BodyTooLarge
from .exchange import read_body
from .models import TaskRun
from .registry import find_snapshot
from .routes import error_response, respond
from .tasks import describe_run


@csrf_exempt
def route(request: HttpRequest, path: str) -> HttpResponse:
    """Answer by the plugin that serves the path; CSRF is enforced even where a project left its middleware out.

    The body is read, within its limit, before CSRF looks for a token in it: a form with files could not be read after.
    """
    try:
        read_body(request)
    except BodyTooLarge as error:
        return error_response(error)
    return _protected_route(request, path)


@csrf_protect
def _protected_route(request: HttpRequest, path: str) -> HttpResponse:
    return respond(request, f"/{path}")


@require_safe
@never_cache
def run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Tell how a run stands, to whoever asked for it and to staff who may see runs.

    A run that nobody was logged in for is told to anyone who knows its id, which is 122 random bits.
    """
    found = TaskRun.objects.select_related("plugin", "version").filter(pk=run_id).first()
    if found is None or not _may_see(request, found):
        raise Http404("there is no such run")
    return JsonResponse(describe_run(found, for_staff=_sees_all(request)))


def _sees_all(request: HttpRequest) -> bool:
    user = request.user
    return user.is_authenticated and user.is_staff and user.has_perm("wasm_plugins.view_taskrun")


def _may_see(request: HttpRequest, found: TaskRun) -> bool:
    if _sees_all(request):
        return True
    if found.requested_by_id is None:
        entry = find_snapshot().routes.get(found.route)
        return entry is not None and entry.access == "public"  # a user who was deleted leaves no open run behind
    return request.user.is_authenticated and found.requested_by_id == request.user.pk
