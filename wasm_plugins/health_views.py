"""Two addresses for whoever watches the process: is it alive, and is it ready."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from .readiness import readiness


@login_not_required  # whoever watches processes is no user
@require_safe
@never_cache
def livez(request: HttpRequest) -> HttpResponse:
    """Say that the process answers; touches no database, no storage and no plugin."""
    return HttpResponse("ok", content_type="text/plain")


@login_not_required
@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether the process can serve, with status 503 if not; staff who may see plugins learn what is missing."""
    found = readiness()
    status = 503 if found.status == "unavailable" else 200
    return JsonResponse(found.as_json(is_for_staff=status == 200 and _is_staff(request)), status=status)


def _is_staff(request: HttpRequest) -> bool:
    user = getattr(request, "user", None)  # a project may have no users
    return user is not None and user.is_staff and user.has_perm("wasm_plugins.view_plugin")
