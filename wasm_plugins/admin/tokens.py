"""API tokens: everybody makes his own, sees it once, and revokes it; who may change tokens revokes those of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from ..models import ApiToken
from ..tokens import make_token, revoke_token
from .acts import user_of
from .readonly import ReadOnly
from .style import Styled
from .token_forms import TokenForm

if TYPE_CHECKING:
    TokenAdminBase = admin.ModelAdmin[ApiToken]
else:
    TokenAdminBase = admin.ModelAdmin

ADD = "wasm_plugins.add_apitoken"
CHANGE = "wasm_plugins.change_apitoken"
SEE = "wasm_plugins.view_apitoken"


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnly, Styled, TokenAdminBase):
    """Tokens are made and revoked, never changed or deleted; the secret is on one page, once."""

    list_display = ("name", "key", "user", "standing", "last_used_at", "ends_at")
    search_fields = ("name", "key")
    list_filter = ("created_at",)
    list_select_related = ("user",)
    fields = ("name", "key", "user", "allowed", "for_plugins", "standing", "created_at", "last_used_at", "ends_at")
    actions = ("revoke_selected",)
    change_form_template = "wasm_plugins/admin/token_form.html"

    @admin.display(description=gettext_lazy("state"))
    def standing(self, token: ApiToken) -> str:
        """Say whether it is good."""
        if token.revoked_at is not None:
            return _("revoked")
        if not token.has_user:
            return _("its user is gone, not active, or no staff")
        return _("expired") if token.is_expired else _("good")

    @admin.display(description=gettext_lazy("expires"), ordering="expires_at")
    def ends_at(self, token: ApiToken) -> Any:
        """Say when it ends."""
        return token.ends_at

    @admin.display(description=gettext_lazy("may"))
    def allowed(self, token: ApiToken) -> str:
        """Say what it is for."""
        labels = dict(ApiToken.Act.choices)
        return "; ".join(str(labels.get(act, act)) for act in token.acts)

    @admin.display(description=gettext_lazy("plugins"))
    def for_plugins(self, token: ApiToken) -> str:
        """Name the plugins that it is for."""
        return ", ".join(token.plugins) or _("all")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        """Show his own tokens to whoever makes some, and all to whoever may see or revoke them."""
        rows = super().get_queryset(request)
        return (
            rows if request.user.has_perm(SEE) or request.user.has_perm(CHANGE) else rows.filter(user=request.user.pk)
        )

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> ApiToken:
        """Return a token that the user may see; of others it is not even told whether they are there."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = super().get_object(request, *args, **kwargs)
        if found is None:
            raise Http404
        return found

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may make tokens, for himself."""
        return request.user.has_perm(ADD)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever makes some sees his own; the list shows no others."""
        if obj is not None and obj.user_id != request.user.pk:
            return request.user.has_perm(SEE) or request.user.has_perm(CHANGE)
        return any(request.user.has_perm(each) for each in (ADD, SEE, CHANGE))

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may revoke any: his own at least."""
        return request.user.has_perm(ADD) or request.user.has_perm(CHANGE)

    def get_urls(self) -> list[URLPattern]:
        """Add the button's address."""
        revoke = self.admin_site.admin_view(require_POST(self.revoke_view))
        return [path("<int:pk>/revoke/", revoke, name="wasm_plugins_apitoken_revoke"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Make a token for who is logged in, whatever else a form says, and show it once."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = TokenForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            return self._made(request, form)
        return self._page(request, "token_add.html", form=form, title=_("Make a token"))

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Revoke one token."""
        token = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self._may_revoke(request, token):
            raise PermissionDenied
        self._revoke(request, token)
        page = reverse("admin:wasm_plugins_apitoken_change", args=[pk], current_app=self.admin_site.name)
        return HttpResponseRedirect(page)

    @admin.action(description=gettext_lazy("Revoke selected tokens"), permissions=["revoke"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """Revoke each."""
        for token in queryset:
            if self._may_revoke(request, token):
                self._revoke(request, token)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Tell the page whether it has the button."""
        token: ApiToken | None = kwargs.get("obj")
        if token is not None:
            context |= {"may_revoke": token.revoked_at is None and self._may_revoke(request, token)}
        return super().render_change_form(request, context, *args, **kwargs)

    @sensitive_variables()
    def _made(self, request: HttpRequest, form: TokenForm) -> HttpResponse:
        asked = form.cleaned_data
        user = user_of(request)
        token, text = make_token(
            user, asked["name"], acts=asked["acts"], plugins=asked["plugins"], days=asked["days"], by=user
        )
        self.log_addition(request, token, _("made token %(key)s") % {"key": token.key})
        page = self._page(request, "token_made.html", token=token, secret=text.reveal(), title=_("Your token"))
        return page.render()

    def _page(self, request: HttpRequest, template: str, **more: Any) -> TemplateResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media, **more}
        response = TemplateResponse(request, f"wasm_plugins/admin/{template}", context)
        add_never_cache_headers(response)
        return response

    def _may_revoke(self, request: HttpRequest, token: ApiToken) -> bool:
        is_own = token.user_id == request.user.pk and request.user.has_perm(ADD)
        return is_own or request.user.has_perm(CHANGE)

    def _revoke(self, request: HttpRequest, token: ApiToken) -> None:
        if not revoke_token(token, by=user_of(request)):
            self.message_user(request, _("“%s” was revoked before.") % token.name, messages.INFO)
            return
        self.log_change(request, token, _("revoked"))
        self.message_user(request, _("“%s” is revoked.") % token.name, messages.SUCCESS)
