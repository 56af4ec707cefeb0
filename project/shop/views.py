"""The pages of the shop: what there is to buy, and one order."""

from __future__ import annotations

import logging

from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from project.shop.forms import CheckoutForm
from project.shop.models import Order
from project.shop.services import NonsensePrice, OutOfStock, place_order
from wasm_plugins.exceptions import PluginError, PluginFailed

logger = logging.getLogger(__name__)

_REFUSED = "Your order was not placed, and nothing was charged."


def shop(request: HttpRequest) -> HttpResponse:
    """Show the products with the checkout form, and place the order that it sends."""
    form = CheckoutForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        order = _place(form)
        if order is not None:
            return redirect(order)
    status = 422 if form.errors else 200
    recent = Order.objects.all()[:5] if request.user.is_staff else Order.objects.none()
    return render(request, "shop/shop.html", {"form": form, "recent_orders": recent}, status=status)


@require_safe
def order(request: HttpRequest, order_id: int) -> HttpResponse:
    """Show one order, with what each plugin answered when it was placed."""
    found = get_object_or_404(Order.objects.prefetch_related("lines__product"), pk=order_id)
    points = found.loyalty_points.aggregate(total=Sum("points"))["total"]
    return render(request, "shop/order.html", {"order": found, "points": points})


def _place(form: CheckoutForm) -> Order | None:
    """Place the order, or say on the form why not."""
    data = form.cleaned_data
    try:
        return place_order(data["email"], data["note"], form.quantities())
    except OutOfStock as error:
        form.add_error(None, f"{_REFUSED} There are {error}.")
    except PluginFailed as error:  # which a veto is too
        form.refuse(error.plugin or "a plugin", str(error.detail))
    except (PluginError, NonsensePrice):
        logger.exception("checkout stopped by a plugin")
        form.add_error(None, f"{_REFUSED} Something went wrong on our side; please try again later.")
    return None
