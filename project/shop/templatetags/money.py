"""How an amount in cents is written for people, also where it is what a plugin answered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from django import template

register = template.Library()

_PRICE_HOOK: Final = "order-price"
_CENTS: Final = re.compile(r"-?[0-9]{1,19}")
"""What a plugin's ``s64`` looks like, written out."""


@register.filter
def money(cents: int) -> str:
    """Write an amount: 1234 becomes ``€12.34``."""
    sign = "−" if cents < 0 else ""
    return f"{sign}€{abs(cents) // 100:,}.{abs(cents) % 100:02}"


@register.filter
def answered(answer: Mapping[str, Any]) -> str:
    """Write what a plugin answered to a hook: a price as money, anything else as it is; the page escapes it."""
    text = str(answer["answer"])
    is_price = answer["hook"] == _PRICE_HOOK and not answer["failed"] and _CENTS.fullmatch(text) is not None
    return money(int(text)) if is_price else text
