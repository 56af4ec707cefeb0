"""The page of a plugin's secrets: which are set, since when and by whom; set one, take one away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from ..models import Plugin
from ..secret_acts import find_obstacle, list_secrets, set_secret, unset_secret
from .acts import user_of
from .permissions import may_change_secrets, may_see_secrets
from .secret_forms import SecretForm

if TYPE_CHECKING:
    SecretViewsBase = admin.ModelAdmin[Plugin]
else:
    SecretViewsBase = admin.ModelAdmin


class SecretViews(SecretViewsBase):
    """One view more; it asks for its own permission first."""

    def get_urls(self) -> list[URLPattern]:
        """Add the view to those of the admin."""
        view = require_http_methods(["GET", "HEAD", "POST"])(sensitive_post_parameters("value")(self.secrets_view))
        page = path("<int:pk>/secrets/", self.admin_site.admin_view(view), name="wasm_plugins_plugin_secrets")
        return [page, *super().get_urls()]

    def secrets_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show which secrets there are, or set or take away one."""
        may_change = may_change_secrets(request)
        if not (may_change if request.method == "POST" else may_see_secrets(request)):
            raise PermissionDenied
        plugin = get_object_or_404(Plugin, pk=pk)
        form = SecretForm()
        if request.method == "POST":
            act = request.POST.get("act", "")
            if act not in ("set", "unset"):
                return HttpResponseBadRequest("there is no such act", content_type="text/plain")
            form = SecretForm(request.POST) if act == "set" else form
            if self._set(request, plugin, form) if act == "set" else self._unset(request, plugin):
                return HttpResponseRedirect(request.path)
        context = {**self.admin_site.each_context(request), "form": form, "original": plugin, "opts": self.opts}
        context |= {"title": _("Secrets of %(name)s") % {"name": plugin.name}, "media": self.media + form.media}
        context |= {"secrets": list_secrets(plugin), "may_change": may_change, "obstacle": find_obstacle(plugin)}
        return TemplateResponse(request, "wasm_plugins/admin/secrets.html", context)

    def _set(self, request: HttpRequest, plugin: Plugin, form: SecretForm) -> bool:
        """Set what the form says; answer whether it could be."""
        if not form.is_valid():
            return False
        name = form.cleaned_data["name"]
        try:
            set_secret(plugin, name, form.cleaned_data["value"], by=user_of(request))
        except ValueError as error:
            form.add_error(None, str(error))
            return False
        self._told(request, plugin, _("set secret %(name)s") % {"name": name})
        return True

    def _unset(self, request: HttpRequest, plugin: Plugin) -> bool:
        """Take away what the button says; one that is gone already is as it should be."""
        name = request.POST.get("name", "")
        if unset_secret(plugin, name, by=user_of(request)):
            self._told(request, plugin, _("took away secret %(name)s") % {"name": name})
        return True

    def _told(self, request: HttpRequest, plugin: Plugin, said: str) -> None:
        self.log_change(request, plugin, said)
        self.message_user(request, f"“{plugin.name}”: {said}", messages.SUCCESS)


def secrets_url(plugin: Plugin, current_app: str) -> str:
    """Return the address of the page."""
    return reverse("admin:wasm_plugins_plugin_secrets", args=[plugin.pk], current_app=current_app)
