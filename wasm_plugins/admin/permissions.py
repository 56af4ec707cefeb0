"""Who may do what on the plugin pages; whoever may do something to a plugin may see it too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

SEE: Final = "wasm_plugins.view_plugin"
UPLOAD: Final = "wasm_plugins.upload_plugin"
APPROVE: Final = "wasm_plugins.approve_plugin"
CHANGE: Final = "wasm_plugins.change_plugin"
TUNE: Final = "wasm_plugins.tune_plugin"
RUN: Final = "wasm_plugins.run_plugin"
DELETE: Final = "wasm_plugins.delete_plugin"
SECRETS: Final = "wasm_plugins.change_secret"
SEE_SECRETS: Final = "wasm_plugins.view_secret"
SEE_AUDIT: Final = "wasm_plugins.view_auditentry"
SEE_RUNS: Final = "wasm_plugins.view_taskrun"

ALLOWS: Final[Mapping[str, Promise]] = {
    SEE: _("see plugins, and all that is known of them but their secrets, their runs and the audit trail"),
    UPLOAD: _("upload in the admin, and look into storage"),
    APPROVE: _("grant, enable, disable, and choose the version that serves; and all that change_plugin allows"),
    CHANGE: _("change settings, and the priority, access, queue, timeout and retries of what a plugin declares"),
    TUNE: _("set what a plugin's calls may spend, and wake a plugin up or release it from quarantine"),
    RUN: _("run tasks by hand, try hooks, routes and tasks, and with view_taskrun cancel and retry runs"),
    DELETE: _("delete plugins with all that is recorded of them"),
    SEE_SECRETS: _("see which secrets are set, since when and by whom; what they are, nobody sees"),
    SECRETS: _("set secrets and take them away"),
    SEE_RUNS: _("see task runs, also through their URL"),
    SEE_AUDIT: _("see who did what to plugins, and for whom they were called"),
}
"""What each permission lets a user do; docs/how-to/deploy.md has the same table."""

_SEE: Final = (SEE, UPLOAD, APPROVE, CHANGE, TUNE, RUN, DELETE)
_SEE_SECRETS: Final = (SECRETS, SEE_SECRETS)


def may_see(request: HttpRequest) -> bool:
    """Whether the user may read everything that is known of plugins."""
    return any(request.user.has_perm(permission) for permission in _SEE)


def may_upload(request: HttpRequest) -> bool:
    """Whether the user may bring plugins in, and look into storage for them."""
    return request.user.has_perm(UPLOAD)


def may_tune(request: HttpRequest) -> bool:
    """Whether the user may change settings, priorities, access, queues and the like."""
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


def may_see_runs(request: HttpRequest) -> bool:
    """Whether the user may see what ran, with its input, its outcome and its log."""
    return request.user.has_perm(SEE_RUNS)


def may_see_audit(request: HttpRequest) -> bool:
    """Whether the user may read who did what to plugins, and for whom they were called."""
    return request.user.has_perm(SEE_AUDIT)


def may_see_secrets(request: HttpRequest) -> bool:
    """Whether the user may know which secrets are set, since when and by whom; what they are, nobody may."""
    return any(request.user.has_perm(permission) for permission in _SEE_SECRETS)


def may_change_secrets(request: HttpRequest) -> bool:
    """Whether the user may set secrets and take them away."""
    return request.user.has_perm(SECRETS)
