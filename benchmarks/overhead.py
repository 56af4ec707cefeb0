"""What a request to a plugin's route takes beside one to a view of the project's own, through all of Django."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, JsonResponse
from django.test import Client, override_settings
from django.urls import path

from project.urls import urlpatterns as of_the_shop
from wasm_plugins import get_plugin_manager
from wasm_plugins.manifest import RouteDeclaration

from . import ours
from .components import EXPORT, Guest

MORE_P50_MS: Final = 0.5
MORE_P95_MS: Final = 2.0
_TURN: Final = 40
"""Requests of one turn; view and route take turns, so that what disturbs the machine disturbs both."""


@dataclass(frozen=True, slots=True)
class Overhead:
    """Wall-clock milliseconds of one request: the median, and what 19 of 20 stay below."""

    view_p50_ms: float
    view_p95_ms: float
    route_p50_ms: float
    route_p95_ms: float


def plain(request: HttpRequest) -> JsonResponse:
    """Answer as a view of the project would that looks at its user."""
    return JsonResponse({"is_authenticated": request.user.is_authenticated})


urlpatterns = [path("plain/", plain), *of_the_shop]


@override_settings(ROOT_URLCONF=__name__)
def measure_overhead(guest: Guest, *, rounds: int) -> Overhead:
    """Serve the echo as a public route, and ask it and the view in turns."""
    name = f"route-{guest.name}"
    declared = RouteDeclaration(path=f"/{name}/{EXPORT}", handler=EXPORT, methods=("GET",), access="public")
    plugin = ours.install(name, guest, routes=(declared,))
    get_plugin_manager().reload()
    client = Client(SERVER_NAME="localhost")
    asked: dict[str, Callable[[], Any]] = {
        "view": lambda: client.get("/plain/"),
        "route": lambda: client.get(f"/plugins{declared.path}"),
    }
    taken: dict[str, list[float]] = {each: [] for each in asked}
    try:
        for ask in asked.values():
            _turn(ask)
        for _ in range(rounds):
            for each, ask in asked.items():
                taken[each] += _turn(ask)
    finally:
        ours.remove(plugin)
    return Overhead(*(_percentile(taken[each], share) for each in asked for share in (0.50, 0.95)))


def _turn(ask: Callable[[], Any]) -> list[float]:
    taken = []
    for _ in range(_TURN):
        began = time.perf_counter()
        status = ask().status_code
        taken.append((time.perf_counter() - began) * 1_000)
        assert status == 200, f"answered {status}"
    return taken


def _percentile(taken: list[float], share: float) -> float:
    return sorted(taken)[min(len(taken) - 1, int(len(taken) * share))]
