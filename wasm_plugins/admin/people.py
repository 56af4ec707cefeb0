"""Who did something, as every page says it: a user's name, or one word where no user did it."""

from __future__ import annotations

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
