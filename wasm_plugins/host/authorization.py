"""``plugins-manager:jwt/authorization``: whether the user who really called may do something."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Q

from ..runtime.contract import AUTHORIZATION
from ..runtime.state import CallState
from ..runtime.values import Err, Ok
from .context import context_of
from .offer import offer


def _authorize(
    state: CallState, _claims: str, allow_super_admin: bool, tenant: str | None, permissions: list[str]
) -> Ok | Err:
    """Answer from the user, never from the claims: a plugin could have written those itself."""
    user = context_of(state).user
    if user is None or not user.is_authenticated or not user.is_active:
        return Err("nobody is logged in")
    if tenant is not None and str(getattr(user, "tenant_id", None)) != tenant:
        return Err("the user does not belong to that tenant")
    if user.is_superuser and allow_super_admin:
        return Ok()
    missing = [name for name in permissions if not _has(user, name)]
    return Err(f"the user lacks {', '.join(missing)[:500]}") if missing else Ok()


def _has(user: Any, permission: str) -> bool:
    """Tell whether a user was given a permission; being a superuser alone does not count here."""
    if not user.is_superuser:
        return bool(user.has_perm(permission))
    app_label, _, codename = permission.partition(".")
    given = Permission.objects.filter(Q(user=user) | Q(group__user=user))
    return given.filter(content_type__app_label=app_label, codename=codename).exists()


INTERFACE = offer(AUTHORIZATION, {"authorize": _authorize})
