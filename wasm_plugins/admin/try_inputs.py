"""The input of a trial, each part beside its type: a hook's arguments, a request, or the JSON of a task."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..exceptions import LimitExceeded
from ..exchange import refuse_constant
from ..runtime.crossing import check
from ..runtime.json_values import NotOfType, from_json
from ..runtime.values import ValueMismatch
from ..runtime.wit import STRING, Func, WitType
from ..snapshot import RouteEntry
from ..trial import HookCall, RouteCall, TaskCall
from .try_forms import TrialForm

INPUT_CHARS: Final = 1024 * 1024


def _area(rows: int) -> forms.Textarea:
    return forms.Textarea({"rows": rows, "class": "vLargeTextField plugin-input", "spellcheck": "false"})


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
        ValidationError: It is no JSON, does not fit the type, or weighs more than a call may take.
    """
    try:
        found = _text(text) if of == STRING else from_json(_json(text), of, name)
        check(of, found)
    except (NotOfType, ValueMismatch, LimitExceeded, RecursionError) as error:
        raise ValidationError(str(error)[:500]) from None
    return found


def _text(text: str) -> str:
    """Return what JSON that is a text says, and anything else as it was typed."""
    with suppress(ValidationError):
        if isinstance(value := _json(text), str):
            return value
    return text


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        raise ValidationError(_("This is no JSON.")) from None


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
        _json(text)
        return text

    def target(self) -> TaskCall:
        """Return what to call, of a form that is valid."""
        return TaskCall(name=self._name, text=self.cleaned_data["text"])


AnyForm = HookForm | RouteForm | TaskForm
