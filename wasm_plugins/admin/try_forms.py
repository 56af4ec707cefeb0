"""The forms of a trial: which version and what of it, then an input for that, each part beside its type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import PluginVersion
from ..trial import Allowed
from ..trial.offer import ASKED, NOTHING

ME, NOBODY, OTHER = "me", "nobody", "other"


class ChooseForm(forms.Form):
    """Which version, and what of it."""

    version = forms.ChoiceField(label=gettext_lazy("Version"))
    call = forms.ChoiceField(label=gettext_lazy("What to call"))

    def __init__(self, data: Mapping[str, str], *, versions: Sequence[PluginVersion], chosen: PluginVersion) -> None:
        super().__init__(data)
        version, call = self.fields["version"], self.fields["call"]
        assert isinstance(version, forms.ChoiceField) and isinstance(call, forms.ChoiceField)
        version.choices = [(str(each.number), _version_label(each)) for each in versions]
        call.choices = calls_of(chosen)


def _version_label(version: PluginVersion) -> str:
    is_current = version.plugin.current_version_id == version.pk
    return _("%(number)d (the current one)") % {"number": version.number} if is_current else str(version.number)


def calls_of(version: PluginVersion) -> list[Any]:
    """Return what a verified version declares, by kind, as the choices of a select."""
    told = version.declared
    groups = [
        (_("Hooks"), [(f"hook:{each.name}", each.name) for each in told.hooks]),
        (_("Routes"), [(f"route:{each.path}", each.path) for each in told.routes]),
        (_("Tasks"), [(f"task:{each.name}", each.name) for each in told.tasks]),
    ]
    return [(label, choices) for label, choices in groups if choices]


class TrialForm(forms.Form):
    """What every trial has beside its input: for whom the plugin acts, and what it may do."""

    as_whom = forms.ChoiceField(
        label=gettext_lazy("The plugin acts for"),
        choices=[(ME, gettext_lazy("me")), (NOBODY, gettext_lazy("nobody")), (OTHER, gettext_lazy("another user:"))],
        widget=forms.RadioSelect,
        initial=ME,
    )
    username = forms.CharField(label=gettext_lazy("Name of the other user"), required=False, max_length=150)
    allowance = forms.ChoiceField(label=gettext_lazy("In this call it may"), widget=forms.RadioSelect)
    http = forms.BooleanField(
        label=gettext_lazy("It may send HTTP requests"),
        required=False,
        help_text=gettext_lazy("What others are told by them is not undone. Off, every request of it is refused."),
    )

    def __init__(self, data: Mapping[str, str] | None, *, by: Any, may: Mapping[str, str]) -> None:
        """Offer what may be chosen.

        Args:
            data: What was sent, if anything was.
            by: Who tries it.
            may: What it may do, in words, by the choices that are open to that user; the first is chosen already.
        """
        super().__init__(data)
        self._by = by
        self.user: Any = by
        allowance = self.fields["allowance"]
        assert isinstance(allowance, forms.ChoiceField)
        allowance.choices = list(may.items())
        allowance.initial = next(iter(may))
        if NOTHING in may:
            del self.fields["http"]
        self.order_fields([*(name for name in self.fields if name not in TrialForm.base_fields)])

    def clean(self) -> dict[str, Any]:
        """Find out for whom the plugin acts."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("as_whom") == NOBODY:
            self.user = AnonymousUser()
        elif cleaned.get("as_whom") == OTHER:
            try:
                self.user = _other_user(str(cleaned.get("username") or ""), self._by)
            except ValidationError as error:
                self.add_error("username", error)
        return cleaned

    @property
    def allowed(self) -> Allowed:
        """What it may do in this call, of a form that is valid."""
        chosen = self.cleaned_data["allowance"]
        http = self.cleaned_data.get("http", False)
        return Allowed(what_is_granted=chosen != NOTHING, all_it_asks_for=chosen == ASKED, http=http)


def _other_user(name: str, by: Any) -> Any:
    """Return a user by name, unless that one may more than whoever asks could ever see.

    Raises:
        ValidationError: There is none, or he is not to be acted for.
    """
    if not (by.is_superuser or by.has_perm("auth.view_user")):
        raise ValidationError(_("You may not act for others: that takes the permission to see users."))
    model = get_user_model()
    found = model._default_manager.filter(**{model.USERNAME_FIELD: name.replace("\0", "")}).first()
    if found is None:
        raise ValidationError(_("There is no such user."))
    if not by.is_superuser and (getattr(found, "is_staff", False) or getattr(found, "is_superuser", False)):
        raise ValidationError(_("Only superusers may act for staff."))
    return found
