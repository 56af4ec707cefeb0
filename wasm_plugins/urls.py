"""The host's own addresses, then everything that plugins serve."""

from __future__ import annotations

from django.urls import path

from . import health_views, views

app_name = "wasm_plugins"

urlpatterns = [
    path("livez/", health_views.livez, name="livez"),
    path("readyz/", health_views.readyz, name="readyz"),
    path("runs/<uuid:run_id>/", views.run, name="run"),
    path("<path:path>", views.route, name="route"),
]
