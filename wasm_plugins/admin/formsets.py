"""Saves what was changed below a plugin: grants through ``lifecycle``, tuning column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.forms import BaseInlineFormSet
from django.utils.translation import gettext as _

from .. import lifecycle
from ..audit import record_act
from ..models import Grant, Plugin
from ..registry import mark_changed

if TYPE_CHECKING:
    GrantFormSetBase = BaseInlineFormSet[Any, Any, Any]
else:
    GrantFormSetBase = BaseInlineFormSet


class GrantFormSet(GrantFormSetBase):
    """Gives the boxes that take a grant away a name of their own for those who do not see the table's head."""

    def add_fields(self, form: Any, index: int | None) -> None:
        """Name the box."""
        super().add_fields(form, index)
        if "DELETE" in form.fields:
            named = {"capability": form.instance.capability}
            form.fields["DELETE"].widget.attrs["aria-label"] = _("Take away the grant: %(capability)s") % named


def save_rows(plugin: Plugin, formset: Any, by: AbstractBaseUser | None) -> None:
    """Save a formset of the plugin's page that is valid, in the caller's transaction; every process notices.

    Args:
        plugin: Whose page it is.
        formset: The rows of one kind, with what Django's admin wants to know of it afterwards.
        by: Who changes it.
    """
    formset.save(commit=False)  # fills new_objects, changed_objects and deleted_objects, which the history needs
    if not formset.has_changed():
        return
    if formset.model is Grant:
        _save_grants(plugin, formset, by)
    else:
        _save_tuning(plugin, formset, by)


def _save_grants(plugin: Plugin, formset: Any, by: AbstractBaseUser | None) -> None:
    for grant in formset.deleted_objects:
        lifecycle.revoke(plugin, grant.capability, by=by)
    for grant in [*formset.new_objects, *(changed for changed, _columns in formset.changed_objects)]:
        lifecycle.grant(plugin, grant.capability, grant.scope, by=by)


def _save_tuning(plugin: Plugin, formset: Any, by: AbstractBaseUser | None) -> None:
    """Write only the columns that were tuned: another process may be writing what a new version declares."""
    for row, columns in formset.changed_objects:
        row.save(update_fields=columns)
        details = {"kind": row._meta.model_name, **{column: getattr(row, column) for column in columns}}
        record_act(by, "tune", plugin, subject=str(row), details=details)
    mark_changed()
