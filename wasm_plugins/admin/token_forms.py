"""The form that makes an API token; as whom it acts is no field: it is always who sends the form."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..conf import conf
from ..exceptions import ManifestError
from ..manifest_reader import check_name
from ..models import ApiToken
from ..tokens import DEFAULT_ACTS, MOST_PLUGINS


def _default_days() -> int:
    return conf.API_TOKEN_DAYS


class TokenForm(forms.Form):
    """What a token is for, and for how long."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("What it is for, for example “Ada's laptop”."),
    )
    acts = forms.MultipleChoiceField(
        label=gettext_lazy("It may"),
        choices=ApiToken.Act.choices,
        initial=[str(act) for act in DEFAULT_ACTS],
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("You need the permission as well, each time: it can never do more than you."),
    )
    plugins = forms.CharField(
        label=gettext_lazy("Plugins"),
        required=False,
        max_length=10_000,
        help_text=gettext_lazy("Names, with blanks or commas between. Empty: all plugins."),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Days"), min_value=1, initial=_default_days, help_text=gettext_lazy("How long it is good.")
    )

    def clean_plugins(self) -> list[str]:
        """Return the names, or say which is none."""
        names: list[str] = self.cleaned_data["plugins"].replace(",", " ").split()
        if len(names) > MOST_PLUGINS:
            raise forms.ValidationError(_("At most %(limit)d names.") % {"limit": MOST_PLUGINS}, code="too-many")
        for name in names:
            try:
                check_name(name, "plugins")
            except ManifestError:
                said = _("“%(name)s” is no name of a plugin.") % {"name": name[:100]}
                raise forms.ValidationError(said, code="invalid") from None
        return names

    def clean_days(self) -> int:
        """Refuse more than the project allows."""
        days: int = self.cleaned_data["days"]
        if days > conf.API_TOKEN_MAX_DAYS:
            said = _("A token is good for %(limit)d days at most.") % {"limit": conf.API_TOKEN_MAX_DAYS}
            raise forms.ValidationError(said, code="too-long")
        return days

    def clean_name(self) -> Any:
        """Refuse a name that could hide what it is."""
        name: str = self.cleaned_data["name"]
        if not name.isprintable():
            raise forms.ValidationError(_("Use printable characters."), code="invalid")
        return name
