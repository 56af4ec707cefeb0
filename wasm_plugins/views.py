"""The catch-all view of plugin routes, and the state of a run that was asked for through one."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_safe

from .models import TaskRun
from .routes import respond
from .tasks import describe_run


@csrf_protect
def route(request: HttpRequest, path: str) -> HttpResponse:
    """Answer by the plugin that serves the path; CSRF is enforced even where a project left its middleware out."""
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
    return JsonResponse(describe_run(found))


def _may_see(request: HttpRequest, found: TaskRun) -> bool:
    if request.user.is_authenticated and request.user.is_staff and request.user.has_perm("wasm_plugins.view_taskrun"):
        return True
    if found.requested_by_id is None:
        return bool(found.route)
    return request.user.is_authenticated and found.requested_by_id == request.user.pk
