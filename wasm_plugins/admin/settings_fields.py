"""A form field for each setting of a plugin, made from its schema; what no field fits is edited as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django import forms
from django.utils.translation import gettext as _

from ..settings_schema import VALUES_BYTES
from .forms import ScopeField
from .secret_forms import SecretField

_LONG_CHARS: Final = 200
_WIDGETS: Final[Mapping[str, type[forms.Widget]]] = {"email": forms.EmailInput, "uri": forms.URLInput}

UNSET: Final = object()
"""What a field has that is left empty and whose setting can be missing."""


def choices_of(schema: Mapping[str, Any]) -> list[tuple[Any, str]] | None:
    """Return the values that a schema lists, each with what it is called; ``None`` where it lists none."""
    listed = schema.get("oneOf") or schema.get("anyOf")
    if listed and all("const" in each for each in listed):
        return [(each["const"], _label(each.get("title", each["const"]))) for each in listed]
    if isinstance(schema.get("enum"), list):
        return [(value, _label(value)) for value in schema["enum"]]
    return None


class ChoiceField(forms.ChoiceField):
    """One of the listed values, whatever their type: what travels is their place in the list."""

    def __init__(self, *, values: Sequence[tuple[Any, str]], may_be_empty: bool, **said: Any) -> None:
        self.values = [value for value, _ in values]
        shown = [(str(at), name) for at, (_, name) in enumerate(values)]
        super().__init__(choices=[("", "–"), *shown] if may_be_empty else shown, **said)

    def prepare_value(self, value: Any) -> Any:
        """Return the place of a value."""
        places = [at for at, each in enumerate(self.values) if type(each) is type(value) and each == value]
        return str(places[0]) if places else value if isinstance(value, str) and value.isdigit() else ""

    def clean(self, value: Any) -> Any:
        """Return the value at a place."""
        place = super().clean(value)
        return self.values[int(place)] if place else UNSET


class LinesField(forms.CharField):
    """A list of texts or numbers, one on each line; without any it is none, unless there is a default."""

    def __init__(self, *, convert: Callable[[str], Any], has_default: bool, **said: Any) -> None:
        super().__init__(widget=forms.Textarea(attrs={"rows": 4, "cols": 60}), strip=False, **said)
        self.convert, self.has_default = convert, has_default

    def prepare_value(self, value: Any) -> Any:
        """Return a list as lines."""
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """Return lines as a list."""
        lines = [line.strip() for line in str(super().clean(value)).splitlines()]
        try:
            entries = [self.convert(line) for line in lines if line]
        except ValueError:
            raise forms.ValidationError(_("Write one number on each line."), code="invalid") from None
        return entries if entries or self.has_default else UNSET


class JsonField(ScopeField):
    """Anything else, as JSON."""

    def prepare_value(self, value: Any) -> Any:
        """Return a value as text; nothing is no text."""
        return "" if value is None else super().prepare_value(value)

    def clean(self, value: Any) -> Any:
        """Return the value that the text is; of no text, none."""
        return UNSET if not str(value or "").strip() else super().clean(value)


class NumberField(forms.FloatField):
    """A number; empty, none. Whole ones stay whole."""

    def clean(self, value: Any) -> Any:
        """Return the number."""
        number = super().clean(value)
        return UNSET if number is None else int(number) if number.is_integer() else number


class WholeField(forms.IntegerField):
    """A whole number; empty, none."""

    def clean(self, value: Any) -> Any:
        """Return the number."""
        number = super().clean(value)
        return UNSET if number is None else number


class TextField(forms.CharField):
    """A text as it is; empty it is none, unless that is a value of its own because there is a default."""

    def __init__(self, *, has_default: bool, **said: Any) -> None:
        super().__init__(strip=False, **said)
        self.has_default = has_default

    def clean(self, value: Any) -> Any:
        """Return the text, with the line ends that everything but browsers has."""
        text = str(super().clean(value)).replace("\r\n", "\n")
        return text if text or self.has_default else UNSET


def field_of(schema: Mapping[str, Any], *, is_required: bool, has_default: bool, value: Any) -> forms.Field:
    """Return the field for one setting, without label and help.

    Args:
        schema: What the plugin declares of the setting; it was taken by ``settings_schema``.
        is_required: Whether it has to be there.
        has_default: Whether there is a default for it.
        value: What it is now, or ``None``.
    """
    must = is_required and not has_default
    if (values := choices_of(schema)) is not None:
        return ChoiceField(values=values, may_be_empty=not is_required and not has_default, required=must)
    kind = schema.get("type")
    if kind == "boolean":
        return _yes_or_no(may_be_empty=not is_required and not has_default, required=must)
    if kind == "integer":
        return WholeField(required=must, **_range(schema))
    if kind == "number":
        return NumberField(required=must, **_range(schema))
    if kind == "string":
        return _text(schema, must=must, has_default=has_default, value=value)
    if kind == "array" and (convert := _of_lines(schema)) is not None:
        return LinesField(convert=convert, has_default=has_default, required=must, max_length=VALUES_BYTES)
    return JsonField(required=must, widget=forms.Textarea(attrs={"rows": 6, "cols": 60, "spellcheck": "false"}))


def secret_field(*, may_change: bool) -> forms.Field:
    """Return the field for a secret: what is in it never comes back in a page."""
    return SecretField(required=False, strip=False, disabled=not may_change)


def _yes_or_no(*, may_be_empty: bool, required: bool) -> forms.Field:
    return ChoiceField(values=[(True, _("yes")), (False, _("no"))], may_be_empty=may_be_empty, required=required)


def _text(schema: Mapping[str, Any], *, must: bool, has_default: bool, value: Any) -> forms.Field:
    longest = min(schema.get("maxLength", VALUES_BYTES), VALUES_BYTES)
    is_long = _LONG_CHARS < longest < VALUES_BYTES or any("\n" in str(each) for each in (value, schema.get("default")))
    attrs = {"spellcheck": "false"}
    widget: forms.Widget = _WIDGETS.get(str(schema.get("format")), forms.TextInput)(attrs={**attrs, "size": "60"})
    if is_long:
        widget = forms.Textarea(attrs={**attrs, "rows": 4, "cols": 60})
    return TextField(has_default=has_default, required=must, max_length=longest, widget=widget)


def _range(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the bounds that the browser is told; all bounds are checked by the schema."""
    return {
        key: bound
        for key, name in (("min_value", "minimum"), ("max_value", "maximum"))
        if (bound := schema.get(name)) is not None
    }


def _of_lines(schema: Mapping[str, Any]) -> Callable[[str], Any] | None:
    items = schema.get("items")
    if not isinstance(items, Mapping) or {"enum", "const", "oneOf", "anyOf"} & items.keys():
        return None
    if any("\n" in str(each) for each in schema.get("default", ())):
        return None
    kinds: dict[str, Callable[[str], Any]] = {"string": str, "integer": int, "number": _number}
    kind = items.get("type")
    return kinds.get(kind) if isinstance(kind, str) else None


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def shown_field(value: Any) -> forms.Field:
    """Return the field that only shows a value."""
    return forms.CharField(required=False, disabled=True, initial=value)


def _label(value: Any) -> str:
    return (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))[:100]


def written_as(field: forms.Field) -> str:
    """Say how what is entered is written, where that is not plain."""
    if isinstance(field, LinesField):
        return _("One on each line.")
    return _("As JSON.") if isinstance(field, JsonField) else ""
