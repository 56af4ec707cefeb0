"""The one form of the shop: how many of what, for whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms

from project.shop.models import Product

MAX_QUANTITY = 20
MAX_REASON_CHARS = 200


@dataclass(frozen=True)
class Refusal:
    """What a plugin had against an order. It is the plugin's text: shown as its, and never as the shop's."""

    plugin: str
    reason: str


class CheckoutForm(forms.Form):
    """E-mail, note, and a quantity field for every product."""

    email = forms.EmailField(
        label="E-mail",
        widget=forms.EmailInput(attrs={"autocomplete": "email", "placeholder": "you@example.org"}),
    )
    note = forms.CharField(
        label="Note", required=False, max_length=500, help_text="A wish, a greeting. Plugins can read it."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.refusal: Refusal | None = None
        self.products = list(Product.objects.all())
        for product in self.products:
            self.fields[self._field_name(product)] = forms.IntegerField(
                label=f"Quantity of {product.name}",
                min_value=0,
                max_value=min(MAX_QUANTITY, product.stock),
                required=False,
                initial=0,
                disabled=product.stock == 0,
                error_messages={"max_value": "At most %(limit_value)s at a time."},
            )

    def rows(self) -> list[tuple[Product, forms.BoundField]]:
        """Pair each product with its quantity field, for the template."""
        return [(product, self[self._field_name(product)]) for product in self.products]

    def quantities(self) -> dict[Product, int]:
        """Return what was ordered; only after the form was found valid."""
        wanted = {product: self.cleaned_data.get(self._field_name(product)) for product in self.products}
        return {product: quantity for product, quantity in wanted.items() if quantity}

    def refuse(self, plugin: str, reason: str) -> None:
        """Say on the page who refused the order and why; the customer changes it and sends it again."""
        on_one_line = "".join(char if char.isprintable() else " " for char in reason[:MAX_REASON_CHARS])
        self.refusal = Refusal(plugin, on_one_line)
        self.add_error(None, forms.ValidationError("A plugin refused the order.", code="refused"))

    def clean(self) -> dict[str, Any]:
        """Refuse an order of nothing."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and not self.quantities():
            raise forms.ValidationError("Choose at least one product.", code="empty")
        return cleaned

    @staticmethod
    def _field_name(product: Product) -> str:
        return f"quantity-{product.sku}"
