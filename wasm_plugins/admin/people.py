"""Who did something and when, as every list says it: a user's name, or one word where no user did it."""

from __future__ import annotations

from datetime import datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _


def by_whom(user: object, *, is_visitor: bool = False) -> str:
    """Return the name of a user.

    Args:
        user: The user or the name; nothing stands for a command or what storage brought, and beside records that name
            a user by key alone for one who was deleted since: the audit trail still has the name.
        is_visitor: Whether it was a request's sender, who may be somebody that did not log in.
    """
    if user:
        return str(user)
    return _("nobody") if is_visitor else _("system")


def at_moment(moment: datetime) -> str:
    """Return a moment in the site's time zone, as Django's admin writes it: one format on every page."""
    return date_format(localtime(moment), "DATETIME_FORMAT")
