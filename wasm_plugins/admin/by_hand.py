"""The page that runs a task by hand: its input as JSON, and from there to the run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from ..exceptions import PluginError
from ..models import Plugin, Task
from ..tasks import request_run
from .acts import user_of
from .forms import ScopeField
from .permissions import may_run, may_see_runs

if TYPE_CHECKING:
    ByHandBase = admin.ModelAdmin[Plugin]
else:
    ByHandBase = admin.ModelAdmin


class InputForm(forms.Form):
    """What the task gets."""

    input = ScopeField(
        label=gettext_lazy("Input"),
        required=False,
        initial=dict,
        help_text=gettext_lazy("What the task gets, as JSON. Empty: {}."),
        widget=forms.Textarea(attrs={"rows": 8, "cols": 80, "spellcheck": "false"}),
    )


class ByHand(ByHandBase):
    """One view more; it asks for its own permission first."""

    def get_urls(self) -> list[URLPattern]:
        """Add the view to those of the admin."""
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.run_view))
        return [path("<int:pk>/tasks/<str:task>/run/", view, name="wasm_plugins_plugin_run"), *super().get_urls()]

    def run_view(self, request: HttpRequest, pk: int, task: str) -> HttpResponse:
        """Ask for a run of a task on behalf of the user."""
        if not may_run(request):
            raise PermissionDenied
        row = get_object_or_404(Task.objects.select_related("plugin"), plugin=pk, name=task, is_declared=True)
        form = InputForm(request.POST) if request.method == "POST" else InputForm()
        if form.is_valid() and (url := self._ask(request, row, form)):
            return HttpResponseRedirect(url)
        context = {**self.admin_site.each_context(request), "form": form, "original": row.plugin, "opts": self.opts}
        context |= {"title": _("Run %(task)s now") % {"task": row.name}, "media": self.media + form.media, "task": row}
        return TemplateResponse(request, "wasm_plugins/admin/run_task.html", context)

    def _ask(self, request: HttpRequest, task: Task, form: InputForm) -> str:
        """Ask for the run; return where to go then, or nothing where it was refused."""
        plugin = task.plugin
        try:
            text = json.dumps(form.cleaned_data["input"], allow_nan=False)  # in ASCII, half a character can be written
        except (ValueError, RecursionError):
            form.add_error("input", _("This is no JSON: numbers that are infinite, or none, have no place in it."))
            return ""
        try:
            run = request_run(plugin=plugin.name, handler=task.name, input_text=text, user=user_of(request))
        except PluginError as error:
            form.add_error(None, _("“%(name)s” %(problem)s") % {"name": plugin.name, "problem": error.message})
            return ""
        self.log_change(request, plugin, _("asked for a run of the task %(task)s") % {"task": task.name})
        self.message_user(request, _("A run of %(task)s is asked for.") % {"task": task.name}, messages.SUCCESS)
        page, key = ("taskrun_change", run.pk) if may_see_runs(request) else ("plugin_change", plugin.pk)
        return reverse(f"admin:wasm_plugins_{page}", args=[key], current_app=self.admin_site.name)


def run_url(task: Task, current_app: str) -> str:
    """Return the address of the page."""
    return reverse("admin:wasm_plugins_plugin_run", args=[task.plugin_id, task.name], current_app=current_app)
