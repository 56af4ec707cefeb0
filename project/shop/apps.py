"""The shop as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """A shop without a cart."""

    name = "project.shop"
    label = "shop"
    verbose_name = "Shop"
