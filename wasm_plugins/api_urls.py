"""The addresses of the HTTP API; it is off unless a project includes this, for example below ``plugins-api/``."""

from __future__ import annotations

from django.urls import path, re_path

from .api import views

app_name = "wasm_plugins_api"

urlpatterns = [
    path("token/", views.token, name="token"),
    path("plugins/<slug:name>/", views.plugin, name="plugin"),
    path("plugins/<slug:name>/component/", views.component, name="component"),
    path("plugins/<slug:name>/log/", views.log, name="log"),
    path("plugins/<slug:name>/enable/", views.enable, name="enable"),
    re_path(r"^(?P<path>.*)$", views.nothing, name="nothing"),
]
