"""The form that takes a plugin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext_lazy as _

from ..conf import conf


class UploadForm(forms.Form):
    """One component; its name comes from its own manifest, whatever the file is called."""

    component = forms.FileField(
        label=_("Component"),
        help_text=_("A WebAssembly component, for example loyalty.wasm. It is checked and recorded, and stays off."),
        widget=forms.FileInput(attrs={"accept": ".wasm,application/wasm"}),
    )

    def clean_component(self) -> Any:
        """Refuse a file that is larger than any component may be, before it is read."""
        uploaded = self.cleaned_data["component"]
        limit = conf.COMPONENT_BYTES
        if uploaded.size > limit:
            raise forms.ValidationError(
                _("%(size)s is more than the limit component_bytes of %(limit)s."),
                code="too-large",
                params={"size": filesizeformat(uploaded.size), "limit": filesizeformat(limit)},
            )
        return uploaded
