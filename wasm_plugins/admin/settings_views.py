"""The page of a plugin's settings: the form of its own schema, saved for every process at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from ..models import Plugin
from ..secret_acts import find_obstacle, set_secret
from ..settings_acts import schema_of, set_settings
from .acts import user_of
from .permissions import may_change_secrets, may_see, may_see_secrets, may_tune
from .settings_form import SettingsForm

if TYPE_CHECKING:
    SettingsViewsBase = admin.ModelAdmin[Plugin]
else:
    SettingsViewsBase = admin.ModelAdmin


class SettingsViews(SettingsViewsBase):
    """One view more; it asks for its own permission first."""

    def get_urls(self) -> list[URLPattern]:
        """Add the view to those of the admin."""
        view = require_http_methods(["GET", "HEAD", "POST"])(sensitive_post_parameters()(self.settings_view))
        page = path("<int:pk>/settings/", self.admin_site.admin_view(view), name="wasm_plugins_plugin_settings")
        return [page, *super().get_urls()]

    def settings_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show a plugin's settings, or set all of them at once."""
        may_change, may_set = may_tune(request), may_change_secrets(request)
        is_allowed = may_see(request) and (request.method != "POST" or may_change or may_set)
        if not is_allowed:  # a form that is refused shows all settings, so who sends one must be one who may see them
            raise PermissionDenied
        plugin = get_object_or_404(Plugin.objects.select_related("current_version"), pk=pk)
        form = SettingsForm(
            schema_of(plugin),
            plugin.settings,
            request.POST if request.method == "POST" else None,
            may_change=may_change,
            may_change_secrets=may_set,
            secrets=plugin.secrets.values_list("name", flat=True) if may_see_secrets(request) else None,
        )
        if form.is_valid() and (answer := self._save(request, plugin, form, may_change=may_change)) is not None:
            return answer
        context = {**self.admin_site.each_context(request), "form": form, "original": plugin, "opts": self.opts}
        context |= {"title": _("Settings of %(name)s") % {"name": plugin.name}, "media": self.media + form.media}
        context |= {"may_change": may_change or may_set, "obstacle": find_obstacle(plugin)}
        return TemplateResponse(request, "wasm_plugins/admin/settings.html", context)

    def _save(
        self, request: HttpRequest, plugin: Plugin, form: SettingsForm, *, may_change: bool
    ) -> HttpResponse | None:
        """Save what was entered; answer nothing where it could not be."""
        by, secrets = user_of(request), form.secrets()
        try:
            with transaction.atomic():
                changed = set_settings(plugin, form.values(), by=by) if may_change else []
                for name, value in secrets.items():
                    set_secret(plugin, name, value, by=by)
        except ValueError as error:
            form.add_error(None, str(error))
            return None
        names = ", ".join([*changed, *secrets]) or _("nothing")
        self.log_change(request, plugin, _("changed settings: %(names)s") % {"names": names})
        self.message_user(request, _("The settings hold for every call that begins from now on."), messages.SUCCESS)
        page = reverse("admin:wasm_plugins_plugin_settings", args=[plugin.pk], current_app=self.admin_site.name)
        return HttpResponseRedirect(page)
