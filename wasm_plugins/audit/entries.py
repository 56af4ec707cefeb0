"""Makes an audit entry that every database takes, whatever a caller or a plugin wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import CharField

from ..models import AuditEntry


def new_entry(
    *,
    act: str,
    user: Any,
    plugin: str,
    version: int | None = None,
    digest: str = "",
    subject: str = "",
    outcome: str = "ok",
    elapsed_ms: float | None = None,
    details: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Return an entry that is not written yet; texts are cut to their columns, and lose what no database stores."""
    user_pk, username = _who(user)
    return AuditEntry(
        act=_fitting("act", act),
        user_id=user_pk,
        username=_fitting("username", username),
        plugin=_fitting("plugin", plugin),
        version=version,
        digest=_fitting("digest", digest),
        subject=_fitting("subject", subject),
        outcome=_fitting("outcome", outcome),
        elapsed_ms=elapsed_ms,
        details=dict(details or {}),
    )


def _who(user: Any) -> tuple[Any, str]:
    """Return the key and the name of a user; of nobody, nothing."""
    pk = getattr(user, "pk", None)
    return (None, "") if pk is None else (pk, str(user.get_username()))


def _fitting(column: str, text: str) -> str:
    field = AuditEntry._meta.get_field(column)
    assert isinstance(field, CharField)
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()[: field.max_length]
