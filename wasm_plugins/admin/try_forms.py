"""The forms of a trial: which version and what of it, then an input for that, each part beside its type."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..exchange import refuse_constant
from ..models import PluginVersion
from ..runtime.crossing import check
from ..runtime.json_values import NotOfType, from_json
from ..runtime.values import ValueMismatch
from ..runtime.wit import STRING, Func, WitType
from ..snapshot import RouteEntry
from ..trial import HookCall, RouteCall, TaskCall
from ..trial.offer import ASKED, GRANTED

INPUT_CHARS: Final = 1024 * 1024
ME, NOBODY, OTHER = "me", "nobody", "other"


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea({"rows": rows, "class": "vLargeTextField plugin-input", "spellcheck": "false"})


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
    allowance = forms.ChoiceField(label=gettext_lazy("In this call it may"), widget=forms.RadioSelect, initial=GRANTED)
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
            may: What it may do, in words, by the choices that are open to that user.
        """
        super().__init__(data)
        self._by = by
        self.user: Any = by
        allowance = self.fields["allowance"]
        assert isinstance(allowance, forms.ChoiceField)
        allowance.choices = list(may.items())
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
    def allows_all(self) -> bool:
        """Whether it may do all that it asks for."""
        return bool(self.cleaned_data["allowance"] == ASKED)


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


class HookForm(TrialForm):
    """One field for each parameter of a hook."""

    def __init__(self, data: Mapping[str, str] | None, *, name: str, of: Func, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self._name, self._of = name, of
        for at, (parameter, type_) in enumerate(of.params):
            text = _("Text; quotes may be left out.") if type_ == STRING else _("As JSON.")
            self.fields[f"arg-{at}"] = forms.CharField(
                label=f"{parameter} ({type_})"[:300],
                widget=_area(2),
                required=type_ != STRING,
                strip=type_ != STRING,
                max_length=INPUT_CHARS,
                help_text=text,
            )
        self.order_fields([f"arg-{at}" for at in range(len(of.params))])

    def clean(self) -> dict[str, Any]:
        """Make values of the texts."""
        cleaned = super().clean()
        for at, (parameter, type_) in enumerate(self._of.params):
            field = f"arg-{at}"
            if field in cleaned:
                try:
                    cleaned[field] = _argument(cleaned[field], type_, parameter)
                except ValidationError as error:
                    self.add_error(field, error)
        return cleaned

    def target(self) -> HookCall:
        """Return what to call, of a form that is valid."""
        return HookCall(
            name=self._name, args=tuple(self.cleaned_data[f"arg-{at}"] for at in range(len(self._of.params)))
        )


def _argument(text: str, of: WitType, name: str) -> Any:
    """Return the value of one argument.

    Raises:
        ValidationError: It is no JSON, or does not fit the type.
    """
    try:
        value = json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        if of == STRING:
            return text
        raise ValidationError(_("This is no JSON.")) from None
    if of == STRING:
        return value if isinstance(value, str) else text
    try:
        found = from_json(value, of, name)
        check(of, found)
    except (NotOfType, ValueMismatch, RecursionError) as error:
        raise ValidationError(str(error)[:500]) from None
    return found


class RouteForm(TrialForm):
    """A request."""

    method = forms.ChoiceField(label=gettext_lazy("Method"))
    query = forms.CharField(
        label=gettext_lazy("Query"), required=False, max_length=8_192, help_text=gettext_lazy("For example page=2.")
    )
    body = forms.CharField(
        label=gettext_lazy("Body"), widget=_area(6), required=False, strip=False, max_length=INPUT_CHARS
    )
    content_type = forms.CharField(
        label=gettext_lazy("Content type of the body"), initial="application/json", max_length=200
    )

    def __init__(self, data: Mapping[str, str] | None, *, entry: RouteEntry, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self._entry = entry
        method = self.fields["method"]
        assert isinstance(method, forms.ChoiceField)
        method.choices = [(each, each) for each in entry.methods]

    def clean_content_type(self) -> str:
        """Refuse what could not stand in a header."""
        text: str = self.cleaned_data["content_type"]
        if not text.isascii() or not text.isprintable():
            raise ValidationError(_("This is no content type."))
        return text

    def target(self) -> RouteCall:
        """Return what to call, of a form that is valid."""
        sent = self.cleaned_data
        return RouteCall(
            path=self._entry.path,
            method=sent["method"],
            query=sent["query"].lstrip("?"),
            body=sent["body"],
            content_type=sent["content_type"],
        )


class TaskForm(TrialForm):
    """The JSON text of a task."""

    text = forms.CharField(label=gettext_lazy("Input (JSON)"), widget=_area(6), initial="{}", max_length=INPUT_CHARS)

    def __init__(self, data: Mapping[str, str] | None, *, name: str, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self._name = name

    def clean_text(self) -> str:
        """Refuse what is no JSON."""
        text: str = self.cleaned_data["text"]
        try:
            json.loads(text, parse_constant=refuse_constant)
        except (ValueError, RecursionError):
            raise ValidationError(_("This is no JSON.")) from None
        return text

    def target(self) -> TaskCall:
        """Return what to call, of a form that is valid."""
        return TaskCall(name=self._name, text=self.cleaned_data["text"])


AnyForm = HookForm | RouteForm | TaskForm
