"""What a settings form says of a setting: its label, its help, and why a value does not fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .shown import shortened

_LABEL_CHARS: Final = 100
_SAID: Final[Mapping[str, Promise]] = {
    "minimum": gettext_lazy("It must be at least %(limit)s."),
    "maximum": gettext_lazy("It must be at most %(limit)s."),
    "exclusiveMinimum": gettext_lazy("It must be more than %(limit)s."),
    "exclusiveMaximum": gettext_lazy("It must be less than %(limit)s."),
    "multipleOf": gettext_lazy("It must be a multiple of %(limit)s."),
    "minLength": gettext_lazy("It must have at least %(limit)s characters."),
    "maxLength": gettext_lazy("It must have at most %(limit)s characters."),
    "minItems": gettext_lazy("It must have at least %(limit)s entries."),
    "maxItems": gettext_lazy("It must have at most %(limit)s entries."),
    "pattern": gettext_lazy("It must match %(limit)s."),
    "format": gettext_lazy("It must be written as %(limit)s."),
}


def label_of(schema: Mapping[str, Any], name: str) -> str:
    """Return what a setting is called."""
    return str(schema.get("title") or name)[:_LABEL_CHARS]


def help_of(schema: Mapping[str, Any], default: Any, *, has_default: bool, key: str, written: str) -> str:
    """Return what a setting is for, how it is written, its default, and by which key the plugin reads it."""
    said = [str(schema.get("description", "")), written]
    if has_default:
        said.append(_("Default: %(default)s.") % {"default": value_in_words(default)})
    said.append(_("The plugin reads it as %(key)s.") % {"key": key})
    return " ".join(each for each in said if each)


def value_in_words(value: Any) -> str:
    """Return a value as people read it, bounded: text in quotes, yes or no, all else as JSON."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    text = f"“{value}”" if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shortened(text)


def why_not(keyword: str, schema: Mapping[str, Any]) -> str:
    """Say why a value does not fit a setting.

    Args:
        keyword: The rule that it breaks.
        schema: The setting's; where the rule is of something inside the value, its limit is not named.
    """
    if keyword in _SAID and keyword in schema:
        return str(_SAID[keyword]) % {"limit": shortened(str(schema[keyword]))}
    if keyword == "uniqueItems":
        return _("An entry is there twice.")
    if keyword == "type":
        return _("It is of another type than the plugin expects.")
    return _("The plugin does not expect this value.")
