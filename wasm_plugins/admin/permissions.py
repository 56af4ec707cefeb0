"""Who may do what on the plugin pages; whoever may do something to a plugin may see it too."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest

APPROVE: Final = "wasm_plugins.approve_plugin"
UPLOAD: Final = "wasm_plugins.upload_plugin"
TUNE: Final = "wasm_plugins.tune_plugin"
CHANGE: Final = "wasm_plugins.change_plugin"
RUN: Final = "wasm_plugins.run_plugin"
SECRETS: Final = "wasm_plugins.change_secret"
_SEE: Final = (APPROVE, UPLOAD, CHANGE, TUNE, RUN, "wasm_plugins.view_plugin", "wasm_plugins.delete_plugin")
_SEE_SECRETS: Final = (SECRETS, "wasm_plugins.view_secret")


def may_see(request: HttpRequest) -> bool:
    """Whether the user may read everything that is known of plugins."""
    return any(request.user.has_perm(permission) for permission in _SEE)


def may_upload(request: HttpRequest) -> bool:
    """Whether the user may bring plugins in, and look into storage for them."""
    return request.user.has_perm(UPLOAD)


def may_tune(request: HttpRequest) -> bool:
    """Whether the user may change priorities, access, queues and the like."""
    return request.user.has_perm(CHANGE) or may_approve(request)


def may_set_limits(request: HttpRequest) -> bool:
    """Whether the user may say what a plugin's calls may spend."""
    return request.user.has_perm(TUNE)


def may_approve(request: HttpRequest) -> bool:
    """Whether the user may grant, enable, disable, and say which version serves."""
    return request.user.has_perm(APPROVE)


def may_run(request: HttpRequest) -> bool:
    """Whether the user may call plugins by hand, and cancel and retry their runs."""
    return request.user.has_perm(RUN)


def may_release(request: HttpRequest) -> bool:
    """Whether the user may let a plugin be called again that is in quarantine or asleep."""
    return request.user.has_perm(TUNE)


def may_see_audit(request: HttpRequest) -> bool:
    """Whether the user may read who did what to plugins, and for whom they were called."""
    return request.user.has_perm("wasm_plugins.view_auditentry")


def may_see_secrets(request: HttpRequest) -> bool:
    """Whether the user may know which secrets are set, since when and by whom; what they are, nobody may."""
    return any(request.user.has_perm(permission) for permission in _SEE_SECRETS)


def may_change_secrets(request: HttpRequest) -> bool:
    """Whether the user may set secrets and take them away."""
    return request.user.has_perm(SECRETS)
