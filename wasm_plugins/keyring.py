"""The acts of an admin on trusted keys; each is one transaction, and every process judges anew after it."""

from __future__ import annotations

import logging

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from .audit import record_act
from .models import TrustedKey
from .registry import mark_changed
from .runtime.signing import check_public_key

logger = logging.getLogger(__name__)


@transaction.atomic
def trust_key(name: str, public_key: str, by: AbstractBaseUser | None = None) -> TrustedKey:
    """Believe signatures of a key from now on.

    Args:
        name: Whose key it is, for people.
        public_key: 64 hexadecimal digits.
        by: Who trusts it.

    Raises:
        ValueError: It is no Ed25519 public key.
        django.db.IntegrityError: The key, or the name, is there already, perhaps revoked.
    """
    added = TrustedKey.objects.create(
        name=name, public_key=check_public_key(public_key), added_by_id=None if by is None else by.pk
    )
    _done("trusted", added, by)
    return added


@transaction.atomic
def revoke_key(key: TrustedKey, by: AbstractBaseUser | None = None) -> bool:
    """Believe signatures of a key no longer, also those that were made before; there is no way back.

    Returns:
        Whether it was trusted until now.
    """
    count = TrustedKey.objects.filter(pk=key.pk, is_revoked=False).update(is_revoked=True, revoked_at=timezone.now())
    if count:
        _done("revoked", key, by)
    return count > 0


def _done(act: str, key: TrustedKey, by: AbstractBaseUser | None) -> None:
    record_act(by, f"key-{act}", None, subject=key.public_key, details={"name": key.name})
    mark_changed()
    logger.info("key %s: %s by %s", key.public_key, act, "the system" if by is None else by.get_username())
