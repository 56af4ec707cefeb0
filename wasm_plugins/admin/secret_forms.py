"""The form that sets a secret; what was typed into it never comes back in a page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ..host.configuration import is_secret_name
from ..sealing import SecretValue
from ..secret_acts import VALUE_BYTES


class SecretField(forms.CharField):
    """A password field whose cleaned value hides itself."""

    widget = forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}, render_value=False)

    def clean(self, value: Any) -> Any:
        """Return what was typed as it is, but in a type that nothing shows by accident."""
        text = super().clean(value)
        if len(text.encode(errors="replace")) > VALUE_BYTES:
            raise ValidationError(
                _("The value is longer than %(limit)d bytes."), code="too-long", params={"limit": VALUE_BYTES}
            )
        return SecretValue(text)


class SecretForm(forms.Form):
    """A name and a value."""

    name = forms.CharField(
        label=_("Name"),
        max_length=128,
        help_text=_("As the plugin asks for it: a to z, digits, dot, underscore and hyphen."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    value = SecretField(
        label=_("Value"),
        strip=False,
        help_text=_(
            "It is encrypted and never shown again, to nobody. "
            "One of several lines is set with the command “plugins secrets set”."
        ),
    )

    def clean_name(self) -> str:
        """Refuse a name that no plugin could ask for."""
        name: str = self.cleaned_data["name"]
        if not is_secret_name(name):
            raise ValidationError(_("Begin with a to z, then a to z, 0 to 9, dot, underscore, hyphen."), code="invalid")
        return name
