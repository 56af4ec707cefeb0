"""What records have in common that nobody edits by hand, and what those below a plugin have."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest

from .permissions import may_approve, may_see, may_tune


class ReadOnly:
    """Refuses to add, change and delete, for model admins and inlines."""

    change_form_template: ClassVar[Any] = "wasm_plugins/admin/readonly_form.html"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes by hand."""
        return False


class PartOfPlugin:
    """Is seen by whoever sees the plugin; there are no permissions of its own to hand out."""

    extra = 0

    def get_queryset(self, request: HttpRequest) -> Any:
        """Fetch the plugin with each row: a row is called by it."""
        return super().get_queryset(request).select_related("plugin")  # type: ignore[misc]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever sees the plugin."""
        return may_see(request)


class Tuned(PartOfPlugin):
    """Refuses to add and delete rows that follow a manifest; what an admin may tune can be changed."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The manifest adds."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may tune plugins."""
        return may_tune(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The manifest removes."""
        return False


class Approved(PartOfPlugin):
    """Is added, changed and deleted by those who approve."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who approve."""
        return may_approve(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who approve."""
        return may_approve(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Those who approve."""
        return may_approve(request)
