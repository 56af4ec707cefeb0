"""The addresses of the shop."""

from __future__ import annotations

from django.urls import path

from project.shop import views

app_name = "shop"
urlpatterns = [
    path("", views.shop, name="shop"),
    path("orders/<int:order_id>/", views.order, name="order"),
]
