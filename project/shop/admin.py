"""The shop's records in the admin: products to edit, orders to read."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest

from project.shop.models import LoyaltyPoints, Order, OrderLine, Product
from project.shop.templatetags.money import money


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What there is to buy."""

    list_display = ("name", "sku", "price", "stock")
    search_fields = ("name", "sku")

    @admin.display(description="price", ordering="price_cents")
    def price(self, product: Product) -> str:
        """Show the price as people write it."""
        return money(product.price_cents)


class OrderLineInline(admin.TabularInline):  # type: ignore[type-arg]
    """The lines of an order."""

    model = OrderLine
    extra = 0
    can_delete = False
    readonly_fields = ("product", "quantity", "price_cents")

    def has_add_permission(self, request: HttpRequest, obj: Order | None = None) -> bool:
        """Lines come from the checkout only."""
        return False


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What was sold."""

    list_display = ("__str__", "email", "total", "placed_at")
    readonly_fields = ("email", "note", "total_cents", "placed_at", "answers")
    inlines = (OrderLineInline,)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Orders come from the checkout only."""
        return False

    @admin.display(description="total", ordering="total_cents")
    def total(self, order: Order) -> str:
        """Show the total as people write it."""
        return money(order.total_cents)


@admin.register(LoyaltyPoints)
class LoyaltyPointsAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """What the loyalty plugin wrote."""

    list_display = ("order", "points", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Points come from the plugin only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: LoyaltyPoints | None = None) -> bool:
        """Points are read here."""
        return False
