"""What a route costs beside a view of the project's own."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path
from pytest_django import Settings

from project.urls import urlpatterns as of_the_shop
from tests.components import http_handler, json_handler, ok, ok_response
from tests.hostile.callers.serving import PATH, serve

ROUNDS = 15
CALLS = 20
MOST_MS = 10.0
"""What a call may take more than the view, as the median of all: many times what it should, for a busy machine."""

MOST_TIMES = 20.0


def plain(request: HttpRequest) -> JsonResponse:
    """Answer as a view of the project would that looks at its user."""
    return JsonResponse({"is_authenticated": request.user.is_authenticated})


urlpatterns = [path("plain/", plain), *of_the_shop]


def _durations_ms(ask: Callable[[], Any]) -> list[float]:
    taken = []
    for _ in range(CALLS):
        began = time.perf_counter()
        assert ask().status_code == 200
        taken.append((time.perf_counter() - began) * 1_000)
    return taken


@pytest.mark.django_db(transaction=True)  # inside a transaction, the registry is read anew for every call
@pytest.mark.parametrize("handler", [json_handler(ok("{}")), http_handler(ok_response(200, "x"))], ids=["json", "http"])
def test_ls_03_a_route_costs_little_more_than_a_view(client: Client, settings: Settings, handler: Any) -> None:
    settings.ROOT_URLCONF = __name__
    serve(handler)
    _durations_ms(lambda: client.get(PATH))
    views, routes = [], []
    for _ in range(ROUNDS):  # in turns, so that what disturbs the machine disturbs both
        views += _durations_ms(lambda: client.get("/plain/"))
        routes += _durations_ms(lambda: client.get(PATH))
    view_ms, route_ms = statistics.median(views), statistics.median(routes)
    assert route_ms - view_ms < MOST_MS
    assert route_ms / view_ms < MOST_TIMES
