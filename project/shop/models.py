"""What the shop keeps: products, orders with their lines, and points that only plugins write."""

from __future__ import annotations

from django.db import models
from django.urls import reverse


class Product(models.Model):
    """Something to buy."""

    sku = models.SlugField("article number", max_length=40, unique=True)
    name = models.CharField(max_length=100)
    price_cents = models.PositiveIntegerField("price in cents")
    stock = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Order(models.Model):
    """A sale, with what plugins answered when it was placed."""

    email = models.EmailField()
    note = models.CharField(max_length=500, blank=True)
    total_cents = models.BigIntegerField("total in cents")
    answers = models.JSONField(default=list, blank=True, editable=False)
    placed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-placed_at", "-pk")

    def __str__(self) -> str:
        return f"Order {self.pk}"

    def get_absolute_url(self) -> str:
        """Return the page that shows the order."""
        return reverse("shop:order", args=[self.pk])

    @property
    def items_cents(self) -> int:
        """What the lines cost together, before plugins changed the price."""
        return sum(line.line_cents for line in self.lines.all())

    @property
    def adjustment_cents(self) -> int:
        """What plugins added to the price, or took off it."""
        return self.total_cents - self.items_cents


class OrderLine(models.Model):
    """How many of one product, at the price of that day."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.PROTECT)
    quantity = models.PositiveIntegerField()
    price_cents = models.PositiveIntegerField("price of one in cents")

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.quantity} × {self.product}"

    @property
    def line_cents(self) -> int:
        """What the line costs."""
        return self.quantity * self.price_cents


class LoyaltyPoints(models.Model):
    """Points for one order. The shop only reads them; the loyalty plugin, if it may, writes them."""

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="loyalty_points")
    points = models.IntegerField()
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("pk",)
        verbose_name_plural = "loyalty points"

    def __str__(self) -> str:
        return f"{self.points} points for {self.order}"
