"""The shop at the root, plugins below /plugins/, the API for their authors, the admin with RQ's dashboard."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView
from django.views.static import serve

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("project.shop.urls")),
    path("plugins/", include("wasm_plugins.urls")),
    path("plugins-api/", include("wasm_plugins.api_urls")),
    path("admin/", admin.site.urls),
    path("django-rq/", include("django_rq.urls")),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}shop/favicon.svg")),  # for pages that name none
]

# A web server in front would do this; without one, the processes of `make demo` and `make stack` do.
if settings.DEBUG:
    urlpatterns += staticfiles_urlpatterns()
elif settings.SERVE_STATIC:
    urlpatterns.append(re_path(r"^static/(?P<path>.*)$", serve, {"document_root": settings.STATIC_ROOT}))
