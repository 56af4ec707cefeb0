"""Trusted keys: whose signatures on plugins are believed, and the button that takes that back for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from ..conf import PREFIX, conf
from ..keyring import revoke_key, trust_key
from ..models import TrustedKey
from ..runtime.signing import check_public_key
from ..trust import load_keys
from .acts import user_of
from .people import by_whom
from .style import Styled

if TYPE_CHECKING:
    KeyAdminBase = admin.ModelAdmin[TrustedKey]
    KeyFormBase = forms.ModelForm[TrustedKey]
else:
    KeyAdminBase = admin.ModelAdmin
    KeyFormBase = forms.ModelForm

_WRITTEN = ("name", "public_key")


class KeyForm(KeyFormBase):
    """A key that is added; what is written down once never changes."""

    class Meta:
        model = TrustedKey
        fields = _WRITTEN
        help_texts = {"public_key": gettext_lazy("64 hexadecimal digits, as wasm-plugins keygen prints them.")}  # noqa: RUF012

    def clean_public_key(self) -> str:
        """Refuse what is no Ed25519 public key."""
        try:
            return check_public_key(self.cleaned_data["public_key"])
        except ValueError:
            message = _("An Ed25519 public key is 32 bytes, written as 64 hexadecimal digits.")
            raise ValidationError(message, code="invalid") from None


@admin.register(TrustedKey)
class TrustedKeyAdmin(Styled, KeyAdminBase):
    """Keys are added and revoked, and never changed or deleted: what one signed must stay known."""

    form = KeyForm
    list_display = ("name", "public_key", "is_revoked", "adder", "added_at", "revoked_at")
    list_filter = ("is_revoked",)
    search_fields = _WRITTEN
    fields = (*_WRITTEN, "is_revoked", "adder", "added_at", "revoked_at")
    list_select_related = ("added_by",)
    actions = ("revoke_selected",)
    change_list_template = "wasm_plugins/admin/key_list.html"
    change_form_template = "wasm_plugins/admin/key_form.html"

    @admin.display(description=gettext_lazy("added by"), ordering="added_by")
    def adder(self, key: TrustedKey) -> str:
        """Name who added it."""
        return by_whom(key.added_by)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show below the list the keys that are trusted without being in it."""
        return super().changelist_view(request, {**(extra_context or {}), "settings_keys": _keys_of_settings()})

    def get_fields(self, request: HttpRequest, obj: TrustedKey | None = None) -> Any:
        """Ask for two fields; show all that is known of a key that is there."""
        return _WRITTEN if obj is None else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: TrustedKey | None = None) -> Any:
        """Let nothing be rewritten."""
        return () if obj is None else self.fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody forgets a key."""
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may change keys."""
        return self.has_change_permission(request)

    def get_urls(self) -> list[URLPattern]:
        """Add the button's address."""
        revoke = self.admin_site.admin_view(require_POST(self.revoke_view))
        return [path("<int:pk>/revoke/", revoke, name="wasm_plugins_trustedkey_revoke"), *super().get_urls()]

    def save_model(self, request: HttpRequest, obj: TrustedKey, form: Any, change: bool) -> None:
        """Add a key through the act that every process notices; a key that is there stays as it is."""
        if not change:
            added = trust_key(obj.name, obj.public_key, by=user_of(request))
            obj.__dict__.update(added.__dict__)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Tell the page whether it has the button, and that there is nothing to save."""
        key: TrustedKey | None = kwargs.get("obj")
        if key is not None:
            context |= {"may_revoke": self.has_revoke_permission(request) and not key.is_revoked}
            context |= {"show_save": False, "show_save_and_continue": False, "show_save_and_add_another": False}
        return super().render_change_form(request, context, *args, **kwargs)

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Revoke one key."""
        if not self.has_revoke_permission(request):
            raise PermissionDenied
        self._revoke(request, get_object_or_404(TrustedKey, pk=pk))
        page = reverse("admin:wasm_plugins_trustedkey_change", args=[pk], current_app=self.admin_site.name)
        return HttpResponseRedirect(page)

    @admin.action(description=gettext_lazy("Revoke selected keys"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: Any) -> None:
        """Revoke each."""
        for key in queryset:
            self._revoke(request, key)

    def _revoke(self, request: HttpRequest, key: TrustedKey) -> None:
        if not revoke_key(key, by=user_of(request)):
            self.message_user(request, _("“%s” was revoked before.") % key.name, messages.INFO)
            return
        self.log_change(request, key, _("revoked"))
        said = _("“%s” is revoked: what it signed is no longer trusted, in any process.") % key.name
        self.message_user(request, said, messages.SUCCESS)


def _keys_of_settings() -> list[dict[str, Any]]:
    """Return the keys that the settings bring along; one that was revoked in the admin is revoked here, too."""
    revoked = load_keys().revoked
    return [
        {"name": name, "public_key": key, "source": f"{PREFIX}TRUSTED_KEYS", "is_revoked": key.lower() in revoked}
        for name, key in conf.TRUSTED_KEYS.items()
    ]
