"""Makes the app known to Django; touches no database, no network and no wasm."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class WasmPluginsConfig(AppConfig):
    """Finds the project's hooks and registers the system checks."""

    name = "wasm_plugins"
    verbose_name = _("Plugins")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import every app's ``plugin_hooks`` module, as Django's admin does with ``admin``."""
        from . import checks, database_checks, hook_checks  # noqa: F401 - importing registers them
        from .first_use import sync_in_background
        from .health import count_deaths
        from .manager import get_plugin_manager
        from .processes import report
        from .registry import registry
        from .routes import enqueue_route

        get_plugin_manager().enqueue_route = enqueue_route
        registry.before_looking = count_deaths
        registry.after_looking = report
        registry.when_first_used = sync_in_background
        autodiscover_modules("plugin_hooks")
