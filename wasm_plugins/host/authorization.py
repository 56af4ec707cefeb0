"""``plugins-manager:jwt/authorization``: whether the user who really called may do something."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth.models import Permission
from django.db.models import Q

from ..runtime.contract import AUTHORIZATION
from ..runtime.offer import offer
from ..runtime.state import CallState
from ..runtime.values import Err, Ok
from .context import context_of

MOST_PERMISSIONS: Final = 64


def _authorize(
    state: CallState, _claims: str, allow_super_admin: bool, tenant: str | None, permissions: list[str]
) -> Ok | Err:
    """Answer from the user, never from the claims: a plugin could have written those itself."""
    user = context_of(state).user
    if user is None or not user.is_authenticated or not user.is_active:
        return Err("nobody is logged in")
    own = getattr(user, "tenant_id", None)
    if tenant is not None and (own is None or str(own) != tenant):
        return Err("the user does not belong to that tenant")
    if user.is_superuser and allow_super_admin:
        return Ok()
    if len(permissions) > MOST_PERMISSIONS:
        return Err(f"{len(permissions)} permissions are asked for; the limit is {MOST_PERMISSIONS}")
    given = _given(user) if user.is_superuser else None
    missing = [name for name in permissions if not (user.has_perm(name) if given is None else name in given)]
    return Err(f"the user lacks {', '.join(missing)[:500]}") if missing else Ok()


def _given(user: Any) -> set[str]:
    """Return what a superuser was given by name; being one alone does not count here."""
    given = Permission.objects.filter(Q(user=user) | Q(group__user=user))
    return {f"{app}.{name}" for app, name in given.values_list("content_type__app_label", "codename")}


INTERFACE = offer(AUTHORIZATION, {"authorize": _authorize})
