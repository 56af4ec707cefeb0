"""The forms of what stands below a plugin: grants, and what an admin may tune of routes and tasks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext_lazy as _

from ..capabilities import AUTHORIZATION, CAPABILITIES, CONFIG, DATABASE, HTML, HTTP, KEYVALUE
from ..cron import ScheduleError
from ..grants import check_grant
from ..manifest import ACCESS_WORDS
from ..models import Grant, Hook, Route, Task
from ..tasks.schedule import OFF, allowed_schedule

if TYPE_CHECKING:
    GrantFormBase = forms.ModelForm[Grant]
    HookFormBase = forms.ModelForm[Hook]
    RouteFormBase = forms.ModelForm[Route]
    TaskFormBase = forms.ModelForm[Task]
else:
    GrantFormBase = HookFormBase = RouteFormBase = TaskFormBase = forms.ModelForm

SCOPE_EXAMPLES: Final[Mapping[str, str]] = {
    AUTHORIZATION: "{}",
    CONFIG: "{}",
    DATABASE: '{"tables": {"shop_order": ["select", "update"], "shop_product": ["select"]}}',
    HTML: "{}",
    HTTP: '{"hosts": ["https://api.example.com", "https://*.example.org:8443"]}',
    KEYVALUE: '{"buckets": ["carts"]}',
}
"""A scope that is valid, for each capability, as an admin would type it."""

_PERMISSION: Final = re.compile(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*")


class Named:
    """Gives each field of a row in a table its name for those who do not see the table's head."""

    fields: dict[str, forms.Field]
    instance: Any
    named_by = "name"
    """Which column names a row."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = getattr(self.instance, self.named_by) or ""
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = f"{field.label}: {row}" if row else str(field.label)


class ScopeField(forms.JSONField):
    """JSON that a person typed; left empty, it is an empty object."""

    def to_python(self, value: Any) -> Any:
        """Read the text; what is too deep, or has a number too long, for the parser is no valid scope either."""
        try:
            scope = super().to_python(value)
        except (RecursionError, ValueError):
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None
        return {} if scope is None else scope

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Show again what was typed, as it was typed: read and written anew, ``"\\ud800"`` could not be sent."""
        if self.disabled:
            return initial
        return None if data is None else InvalidJSONInput(data)


class GrantForm(Named, GrantFormBase):
    """A grant whose scope is checked before it is believed; what was granted stays the same capability."""

    named_by = "capability"

    capability = forms.ChoiceField(label=_("capability"), choices=[(name, name) for name in CAPABILITIES])
    scope = ScopeField(
        label=_("scope"),
        required=False,
        initial=dict,
        help_text=_("JSON; below the table there is an example for each capability."),
        widget=forms.Textarea(attrs={"rows": 3, "cols": 60, "aria-describedby": "scope-examples"}),
    )

    class Meta:
        model = Grant
        fields = ("capability", "scope")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["capability"].disabled = self.instance.pk is not None

    def clean(self) -> dict[str, Any]:
        """Refuse, at the field, a scope that could never be used as it is meant."""
        cleaned = super().clean() or {}
        if "capability" in cleaned and "scope" in cleaned:
            try:
                check_grant(cleaned["capability"], cleaned["scope"])
            except ValueError as error:
                self.add_error("scope", str(error))
        return cleaned


class HookForm(Named, HookFormBase):
    """When a plugin answers among others."""

    class Meta:
        model = Hook
        fields = ("priority", "is_enabled")


class RouteForm(Named, RouteFormBase):
    """Who may call a route."""

    named_by = "path"

    class Meta:
        model = Route
        fields = ("access", "is_enabled")

    def clean_access(self) -> str:
        """Refuse what is neither one of the words nor written as a permission: it would shut everybody out."""
        access: str = self.cleaned_data["access"]
        if access and access not in ACCESS_WORDS and not _PERMISSION.fullmatch(access):
            raise ValidationError(
                _("Write one of %(words)s, or a permission such as shop.view_order, or nothing."),
                code="invalid",
                params={"words": ", ".join(ACCESS_WORDS)},
            )
        return access


class TaskForm(Named, TaskFormBase):
    """Where and how often a task runs."""

    class Meta:
        model = Task
        fields = ("schedule", "queue", "timeout_s", "max_retries", "is_enabled")

    def clean_schedule(self) -> str:
        """Refuse what is neither an expression that this project allows, nor the word that turns it off."""
        schedule: str = " ".join(self.cleaned_data["schedule"].split())
        if schedule.lower() in ("", OFF):
            return schedule.lower()
        try:
            return allowed_schedule(schedule)
        except ScheduleError as error:
            raise ValidationError(str(error), code="invalid") from None

    def clean_queue(self) -> str:
        """Refuse a queue that the project does not have: no worker would ever take the runs."""
        queue: str = self.cleaned_data["queue"]
        queues = list(settings.RQ_QUEUES)
        if queue and queue not in queues:
            raise ValidationError(
                _("There is no such queue; there are %(queues)s."),
                code="invalid",
                params={"queues": ", ".join(queues)},
            )
        return queue
