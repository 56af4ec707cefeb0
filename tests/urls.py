"""The shop's addresses, as tests open them."""

from __future__ import annotations

from project.urls import urlpatterns

__all__ = ["urlpatterns"]
