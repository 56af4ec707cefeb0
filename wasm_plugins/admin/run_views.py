"""What the buttons of a run's page do, and how its script learns how the run stands."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from ..answers import make_harmless
from ..exceptions import PluginError
from ..models import TaskRun
from ..tasks import cancel_run, retry_run
from .acts import user_of
from .permissions import may_run
from .run_page import state_of

if TYPE_CHECKING:
    RunViewsBase = admin.ModelAdmin[TaskRun]
else:
    RunViewsBase = admin.ModelAdmin


_MARKUP: Final = {ord(each): f"\\u{ord(each):04x}" for each in "<>&"}
"""What JSON says just as well by numbers."""


class RunViews(RunViewsBase):
    """Views beside those of every model admin; each asks for its permission first."""

    def get_urls(self) -> list[URLPattern]:
        """Add the views to those of Django's admin."""
        view = self.admin_site.admin_view
        state = require_safe(never_cache(self.state_view))
        return [
            path("<uuid:pk>/state/", view(state), name="wasm_plugins_taskrun_state"),
            path("<uuid:pk>/cancel/", view(require_POST(self.cancel_view)), name="wasm_plugins_taskrun_cancel"),
            path("<uuid:pk>/retry/", view(require_POST(self.retry_view)), name="wasm_plugins_taskrun_retry"),
            *super().get_urls(),
        ]

    def state_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Tell how a run stands, with its log from the character ``log_from`` on; changes nothing."""
        run = get_object_or_404(TaskRun.objects.defer("input", "result"), pk=pk)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        log_from = request.GET.get("log_from", "0")
        state = state_of(run, int(log_from) if log_from.isdecimal() and len(log_from) < 10 else 0)
        text = json.dumps(state).translate(_MARKUP)  # for whoever takes it for a page, whatever its type says
        return make_harmless(HttpResponse(text, content_type="application/json"))

    def cancel_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Cancel a run that has not ended."""
        said = _("The run was cancelled. If an attempt was under way, it is stopped within moments and undone.")
        return self._change(request, pk, cancel_run, said)

    def retry_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Ask for a run again that ended without an effect, and show the new one."""
        return self._change(request, pk, retry_run, _("This is the new run, with the same input."))

    def _change(self, request: HttpRequest, pk: UUID, change: Callable[..., TaskRun], said: str) -> HttpResponse:
        if not (may_run(request) and self.has_view_permission(request)):
            raise PermissionDenied
        shown: Any = pk
        try:
            shown = change(pk, by=user_of(request)).pk
        except TaskRun.DoesNotExist:
            raise Http404 from None
        except PluginError as error:
            self.message_user(request, _("Nothing was changed: %(why)s.") % {"why": error.message}, messages.ERROR)
        else:
            self.message_user(request, said, messages.SUCCESS)
        page = reverse("admin:wasm_plugins_taskrun_change", args=[shown], current_app=self.admin_site.name)
        return HttpResponseRedirect(page)
