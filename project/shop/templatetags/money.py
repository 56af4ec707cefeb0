"""How an amount in cents is written for people."""

from __future__ import annotations

from django import template

register = template.Library()


@register.filter
def money(cents: int) -> str:
    """Write an amount: 1234 becomes ``€12.34``."""
    sign = "−" if cents < 0 else ""
    return f"{sign}€{abs(cents) // 100:,}.{abs(cents) % 100:02}"
