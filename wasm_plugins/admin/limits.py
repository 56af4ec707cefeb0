"""The page of a plugin's own limits: one number for each, empty for the project's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from .. import lifecycle
from ..exceptions import PluginError
from ..models import Plugin
from ..tuning import LIMITS, in_words, readable_limits, setting_of
from .acts import user_of
from .permissions import may_set_limits

if TYPE_CHECKING:
    LimitsViewBase = admin.ModelAdmin[Plugin]
else:
    LimitsViewBase = admin.ModelAdmin


class LimitsForm(forms.Form):
    """A field for each limit, named like it."""

    def __init__(self, data: Mapping[str, str] | None = None, *, own: Mapping[str, int]) -> None:
        super().__init__(data, initial=dict(own))
        for name, limit in LIMITS.items():
            said = _("%(least)s to %(most)s. Empty: %(default)s, as %(setting)s says.")
            shown = {each: in_words(name, getattr(limit, each)) for each in ("least", "most", "default")}
            shown |= {"setting": setting_of(name)}
            if name in own:
                said = _("Now %(own)s.") + " " + said
                shown |= {"own": in_words(name, own[name])}
            self.fields[name] = forms.IntegerField(
                label=capfirst(str(limit.label)),
                required=False,
                min_value=limit.least,
                max_value=limit.most,
                help_text=said % shown,
            )

    def own_limits(self) -> dict[str, int]:
        """Return the numbers that were given, of a form that is valid."""
        return {name: number for name, number in self.cleaned_data.items() if number is not None}


class LimitsView(LimitsViewBase):
    """The page, its address, and who may open it."""

    def get_urls(self) -> list[URLPattern]:
        """Add the page to those of the plugin."""
        view = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.limits_view))
        return [path("<int:pk>/limits/", view, name="wasm_plugins_plugin_limits"), *super().get_urls()]

    def limits_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show a plugin's own limits, and set all of them at once."""
        if not may_set_limits(request):
            raise PermissionDenied
        plugin = get_object_or_404(Plugin, pk=pk)
        own = readable_limits(plugin.limits, plugin.name)
        form = LimitsForm(request.POST, own=own) if request.method == "POST" else LimitsForm(own=own)
        if form.is_valid():
            try:
                return self._set_limits(request, plugin, form.own_limits())
            except PluginError as error:
                form.add_error(None, _("“%(name)s” %(problem)s") % {"name": plugin.name, "problem": error.message})
        context = {**self.admin_site.each_context(request), "form": form, "original": plugin, "opts": self.opts}
        context |= {"title": _("Limits of %(name)s") % {"name": plugin.name}, "media": self.media + form.media}
        return TemplateResponse(request, "wasm_plugins/admin/limits.html", context)

    def _set_limits(self, request: HttpRequest, plugin: Plugin, limits: Mapping[str, int]) -> HttpResponse:
        lifecycle.set_limits(plugin, limits, by=user_of(request))
        self.log_change(request, plugin, _("changed limits"))
        self.message_user(request, _("The limits hold for every call that begins from now on."), messages.SUCCESS)
        page = reverse("admin:wasm_plugins_plugin_change", args=[plugin.pk], current_app=self.admin_site.name)
        return HttpResponseRedirect(page)
