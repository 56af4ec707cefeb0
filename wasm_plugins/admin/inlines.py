"""What stands on a plugin's page below it: hooks, routes and tasks, grants, and versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat, truncatechars
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..capabilities import CAPABILITIES, requested
from ..models import Grant, Hook, Plugin, PluginVersion, Route, Task
from ..registry import find_snapshot
from .by_hand import run_url
from .forms import SCOPE_EXAMPLES, GrantForm, HookForm, RouteForm, TaskForm
from .formsets import GrantFormSet
from .hook_order import in_words, orders_of
from .offers import reach_in_words
from .people import by_whom
from .permissions import may_run
from .readonly import Approved, PartOfPlugin, ReadOnly, Tuned
from .route_links import open_url
from .schedules import next_in_words

if TYPE_CHECKING:
    VersionInlineBase = admin.TabularInline[PluginVersion, Plugin]
    GrantInlineBase = admin.TabularInline[Grant, Plugin]
    HookInlineBase = admin.TabularInline[Hook, Plugin]
    RouteInlineBase = admin.TabularInline[Route, Plugin]
    TaskInlineBase = admin.TabularInline[Task, Plugin]
else:
    VersionInlineBase = GrantInlineBase = HookInlineBase = RouteInlineBase = TaskInlineBase = admin.TabularInline

TABLE: Final = "wasm_plugins/admin/tabular.html"


class VersionInline(ReadOnly, PartOfPlugin, VersionInlineBase):
    """Every upload of the plugin with what verification said."""

    model = PluginVersion
    template = TABLE
    fk_name = "plugin"
    fields = ("state", "verdict", "needs", "size", "created_at")
    readonly_fields = fields
    show_change_link = True

    @admin.display(description=_("why, or what to know"))
    def verdict(self, version: PluginVersion) -> str:
        """Say why it was refused, or what was found although it was not."""
        return truncatechars(version.problem or "; ".join(map(str, version.findings)), 300) or "–"

    @admin.display(description=_("needs"))
    def needs(self, version: PluginVersion) -> str:
        """Name the capabilities that it needs."""
        return ", ".join(requested(version.imports)) or "–"

    @admin.display(description=_("size"))
    def size(self, version: PluginVersion) -> str:
        """Show the size as people read it."""
        return filesizeformat(version.size_bytes)


class GrantInline(Approved, GrantInlineBase):
    """What was granted, and by whom."""

    model = Grant
    template = "wasm_plugins/admin/grants.html"
    form = GrantForm
    formset = GrantFormSet
    fields = ("capability", "scope", "reach", "granter", "granted_at")
    readonly_fields = ("reach", "granter", "granted_at")
    max_num = len(CAPABILITIES)
    scope_examples = SCOPE_EXAMPLES.items()

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Leave the scope as JSON to those who type it: for all others it is told in words."""
        may_type = self.has_change_permission(request, obj)
        return self.fields if may_type else [name for name in self.fields if name != "scope"]

    @admin.display(description=_("reaches"))
    def reach(self, grant: Grant) -> str:
        """Say how far it reaches; a row that is being added does not yet."""
        return "–" if grant.pk is None else reach_in_words(grant.capability, grant.scope)

    @admin.display(description=_("granted by"))
    def granter(self, grant: Grant) -> str:
        """Name who granted it; a row that is being added has nobody yet."""
        return "–" if grant.pk is None else by_whom(grant.granted_by)


class HookInline(Tuned, HookInlineBase):
    """The hooks that it answers."""

    model = Hook
    template = TABLE
    form = HookForm
    fields = ("name", "is_declared", "order", "declared_priority", "priority", "is_enabled")
    readonly_fields = ("name", "is_declared", "order", "declared_priority")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Find the order of answering once for all rows."""
        self.orders = {} if obj is None else orders_of(obj)
        return super().get_formset(request, obj, **kwargs)

    @admin.display(description=_("order of answering (priority)"))
    def order(self, hook: Hook) -> SafeString:
        """Show its place beside other plugins'."""
        return in_words(self.orders.get(hook.name, ()), hook.plugin.name)


class RouteInline(Tuned, RouteInlineBase):
    """The paths that it serves."""

    model = Route
    template = TABLE
    form = RouteForm
    fields = ("path", "opens", "is_declared", "answers", "process_as_task", "declared_access", "access", "is_enabled")
    readonly_fields = ("path", "opens", "is_declared", "answers", "process_as_task", "declared_access")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Remember who looks, and what is served now, for the links."""
        self.user, self.served = request.user, find_snapshot().routes
        return super().get_formset(request, obj, **kwargs)

    @admin.display(description=_("methods"))
    def answers(self, route: Route) -> str:
        """Name the methods that it answers."""
        return ", ".join(route.methods)

    @admin.display(description=_("open"))
    def opens(self, route: Route) -> SafeString | str:
        """Link to it, if it answers GET now and the user may call it."""
        url = open_url(route, self.user, self.served)
        if url is None:
            return "–"
        return format_html('<a href="{}" aria-label="{}">{}</a>', url, _("Open %(url)s") % {"url": url}, _("Open"))


class TaskInline(Tuned, TaskInlineBase):
    """The tasks that it runs."""

    model = Task
    template = TABLE
    form = TaskForm
    fields = (
        *("name", "by_hand", "is_declared", "as_declared", "schedule", "due_next", "queue", "timeout_s", "max_retries"),
        "is_enabled",
    )
    readonly_fields = ("name", "by_hand", "is_declared", "as_declared", "due_next")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Remember whether who looks may run tasks."""
        self.may_run = may_run(request)
        return super().get_formset(request, obj, **kwargs)

    @admin.display(description=_("as declared"))
    def as_declared(self, task: Task) -> str:
        """Show what the plugin declares of queue, timeout and retries."""
        return ", ".join(f"{key} {value}" for key, value in task.declared.items() if value not in ("", None)) or "–"

    @admin.display(description=_("next run"))
    def due_next(self, task: Task) -> str:
        """Say when it runs next by itself, or why not."""
        return next_in_words(task)

    @admin.display(description=_("run by hand"))
    def by_hand(self, task: Task) -> SafeString | str:
        """Link to the page that runs it, for those who may."""
        if not self.may_run or not task.is_declared:
            return "–"
        return format_html(
            '<a href="{}" aria-label="{}">{}</a>',
            run_url(task, self.admin_site.name),
            _("Run %(task)s now") % {"task": task.name},
            _("Run now"),
        )
