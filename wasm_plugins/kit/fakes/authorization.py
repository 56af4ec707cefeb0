"""``plugins-manager:jwt/authorization``: the user and the permissions that the author names."""

from __future__ import annotations

from typing import Final

from wasm_plugins.runtime.contract import AUTHORIZATION
from wasm_plugins.runtime.state import CallState
from wasm_plugins.runtime.values import Err, Ok

from .fake_host import host_of
from .recorded import offer_recorded

MOST_PERMISSIONS: Final = 64


def _authorize(
    state: CallState, _claims: str, allow_super_admin: bool, tenant: str | None, permissions: list[str]
) -> Ok | Err:
    """Answer as the real host does of a user who has no tenant."""
    host = host_of(state)
    if not host.username:
        return Err("nobody is logged in")
    if tenant is not None:
        return Err("the user does not belong to that tenant")
    if host.is_superuser and allow_super_admin:
        return Ok()
    if len(permissions) > MOST_PERMISSIONS:
        return Err(f"{len(permissions)} permissions are asked for; the limit is {MOST_PERMISSIONS}")
    missing = [name for name in permissions if name not in host.permissions]
    return Err(f"the user lacks {', '.join(missing)[:500]}") if missing else Ok()


INTERFACE = offer_recorded(AUTHORIZATION, {"authorize": _authorize})
