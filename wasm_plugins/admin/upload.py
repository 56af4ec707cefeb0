"""The form that takes a plugin."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..conf import conf

FORM_BYTES: Final = 64 * 1024
"""What the rest of the form may have beside the component, in bytes."""


def is_too_large(request: HttpRequest) -> bool:
    """Tell from its announced length, before anything of it is read or stored, whether a request is over the limit.

    Servers pass on no more of a body than was announced, and nothing of one without a length (PEP 3333).
    """
    announced = request.META.get("CONTENT_LENGTH") or "0"
    is_number = announced.isascii() and announced.isdecimal()
    return not is_number or int(announced[:20]) > conf.COMPONENT_BYTES + FORM_BYTES


def too_large_error() -> str:
    """Say what the limit is."""
    return _("The file is larger than the limit component_bytes of %(limit)s.") % {
        "limit": filesizeformat(conf.COMPONENT_BYTES)
    }


class UploadForm(forms.Form):
    """One component; its name comes from its own manifest, whatever the file is called."""

    component = forms.FileField(
        label=gettext_lazy("Component"),
        help_text=gettext_lazy(
            "A WebAssembly component, for example loyalty.wasm. It is checked and recorded, and stays off."
        ),
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
