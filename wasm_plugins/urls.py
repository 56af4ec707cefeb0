"""Two addresses: the state of a run, and everything that plugins serve."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "wasm_plugins"

urlpatterns = [
    path("runs/<uuid:run_id>/", views.run, name="run"),
    path("<path:path>", views.route, name="route"),
]
