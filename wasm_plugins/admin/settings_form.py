"""The form of a plugin's settings: a field for each, in the groups of its schema, and what was entered as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext as _

from ..sealing import SecretValue
from ..settings_schema import validator
from ..settings_values import Path, default_of, find_value, has_value, in_force, is_secret, leaves, misfits, put_value
from .settings_fields import UNSET, field_of, secret_field, shown_field, written_as
from .settings_words import help_of, label_of, value_in_words, why_not


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that stand together under a heading."""

    title: str
    description: str
    fields: list[BoundField]


class SettingsForm(forms.Form):
    """A field for each setting of a plugin, named by its path."""

    prefix = "setting"
    required_css_class = "required"

    def __init__(
        self,
        schema: Mapping[str, Any],
        stored: Any,
        data: Mapping[str, Any] | None = None,
        *,
        may_change: bool,
        may_change_secrets: bool,
        secrets: Iterable[str] | None = None,
    ) -> None:
        """Make the fields.

        Args:
            schema: What the plugin declares.
            stored: What an admin set before.
            data: What was sent, or ``None``.
            may_change: Whether the user may change settings; else the fields only show them.
            may_change_secrets: Whether he may set secrets.
            secrets: Names of those that are set, or ``None`` if he may not know.
        """
        super().__init__(data)
        self._schema = schema
        self._leaves = {path: (leaf, must) for path, leaf, must in leaves(schema)}
        now, unfit = in_force(schema, stored), frozenset(misfits(schema, stored))
        for path, (leaf, must) in self._leaves.items():
            if is_secret(leaf):
                field = self._secret(path, leaf, secrets, must, may_change=may_change_secrets)
            else:
                field = self._setting(path, now, must, may_change=may_change, is_unfit=".".join(path) in unfit)
            field.label = label_of(leaf, path[-1])
            self.fields[".".join(path)] = field

    def groups(self) -> list[Group]:
        """Return the fields in the order and the groups of the schema."""
        found = []
        for around, paths in groupby(self._leaves, key=lambda path: path[:-1]):
            inner = _inside(self._schema, around)
            title = " – ".join(
                label_of(_inside(self._schema, around[: at + 1]), around[at]) for at in range(len(around))
            )
            fields = [self[".".join(path)] for path in paths]
            found.append(Group(title, str(inner.get("description", "")) if around else "", fields))
        return found

    def clean(self) -> dict[str, Any]:
        """Refuse, at its field, each value that the schema does not take."""
        cleaned = super().clean() or {}
        for path, (leaf, _must) in self._leaves.items():
            value = cleaned.get(".".join(path), UNSET)
            if value is UNSET or is_secret(leaf) or self.fields[".".join(path)].disabled:
                continue
            error = next(iter(validator(leaf).iter_errors(value)), None)
            if error is not None:
                self.add_error(".".join(path), why_not(error.kind.name, leaf))
        return cleaned

    def values(self) -> dict[str, Any]:
        """Return what is to be stored, of a form that is valid: what is as the default says is left to the default."""
        values: dict[str, Any] = {}
        for path, (leaf, _must) in self._leaves.items():
            value = self.cleaned_data.get(".".join(path), UNSET)
            default, has_default = default_of(self._schema, path)
            is_default = has_default and type(value) is type(default) and value == default
            if value is not UNSET and not is_secret(leaf) and not is_default:
                put_value(values, path, value)
        return values

    def secrets(self) -> dict[str, SecretValue]:
        """Return the secrets that were entered, of a form that is valid."""
        names = [path[0] for path, (leaf, _must) in self._leaves.items() if is_secret(leaf)]
        entered = {name: self.cleaned_data.get(name) for name in names if not self.fields[name].disabled}
        return {name: value for name, value in entered.items() if isinstance(value, SecretValue) and value.reveal()}

    def _setting(self, path: Path, now: Any, must: bool, *, may_change: bool, is_unfit: bool) -> forms.Field:
        leaf, value = self._leaves[path][0], find_value(now, path)
        default, has_default = default_of(self._schema, path)
        if may_change:
            field = field_of(leaf, is_required=must, has_default=has_default, value=value)
            field.initial = value if has_value(now, path) else None
        else:
            field = shown_field(value_in_words(value) if has_value(now, path) else "–")
        said = help_of(leaf, default, has_default=has_default, key=".".join(path), written=written_as(field))
        field.help_text = (
            f"{_('What was set for an earlier version does not fit any more.')} {said}" if is_unfit else said
        )
        return field

    @staticmethod
    def _secret(
        path: Path, leaf: Mapping[str, Any], known: Iterable[str] | None, must: bool, *, may_change: bool
    ) -> forms.Field:
        field = secret_field(may_change=may_change)
        said = [str(leaf.get("description", "")), _("It has to be set.") if must else ""]
        if known is not None:
            is_set = path[0] in set(known)
            said.append(_("A secret is set; it is never shown. Empty: it stays.") if is_set else _("No secret is set."))
        said.append(_("The plugin reads it as %(key)s.") % {"key": path[0]})
        field.help_text = " ".join(each for each in said if each)
        return field


def _inside(schema: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
    for name in path:
        schema = schema["properties"][name]
    return schema
