"""Tokens of the HTTP API: made, found again by what a request shows, and revoked; the secret is told once."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from .audit import record_act
from .conf import PREFIX, conf
from .manifest_reader import check_name
from .models import ApiToken
from .models.token import KEY_CHARS
from .sealing import SecretValue

MARK: Final = "wpt_"
"""What every token begins with, so that programs which look for leaked secrets know one."""

SECRET_BYTES: Final = 32
MOST_PLUGINS: Final = 100
"""How many plugins a token may be narrowed to."""

DEFAULT_ACTS: Final = (ApiToken.Act.SEE, ApiToken.Act.LOG, ApiToken.Act.UPLOAD)
"""What a token is for if nobody says otherwise: nothing goes live by that."""

_NOTED_EVERY: Final = timedelta(minutes=1)
"""How exact ``last_used_at`` is: a program that polls must not write a row each time."""

_SHAPE: Final = re.compile(rf"{MARK}([0-9a-f]{{{KEY_CHARS}}})_([0-9a-f]{{{2 * SECRET_BYTES}}})", re.ASCII)
_NOBODYS: Final = "0" * 64

logger = logging.getLogger(__name__)


class TokenRefused(Exception):
    """A token is none of this site's, was revoked, or its user may not act any more. Its holder must act."""

    code = "token-refused"


class TokenExpired(TokenRefused):
    """A token's time is over. Its holder must ask for another one."""

    code = "token-expired"


@transaction.atomic
@sensitive_variables("secret", "text")
def make_token(
    user: Any,
    name: str,
    *,
    acts: Sequence[str] = DEFAULT_ACTS,
    plugins: Sequence[str] = (),
    days: int | None = None,
    by: AbstractBaseUser | None = None,
) -> tuple[ApiToken, SecretValue]:
    """Make a token, and return its row with the token itself, which nobody can ever read again.

    Args:
        user: As whom it acts.
        name: What it is for, for people.
        acts: Values of ``ApiToken.Act``; at least one.
        plugins: Names of the plugins that it is for; none means all.
        days: How long it is good; ``API_TOKEN_DAYS`` if ``None``, ``API_TOKEN_MAX_DAYS`` at most.
        by: Who makes it, for the audit trail; ``None`` is the system, such as a command.

    Raises:
        ValueError: An argument is none that a token can have.
        ManifestError: A name of a plugin is none.
    """
    days = conf.API_TOKEN_DAYS if days is None else days
    _check(name, acts, plugins, days)
    key, secret = secrets.token_hex(KEY_CHARS // 2), secrets.token_hex(SECRET_BYTES)
    now = timezone.now()
    token = ApiToken.objects.create(
        name=name.strip(),
        key=key,
        digest=_digest_of(secret),
        user=user,
        acts=sorted({str(act) for act in acts}),
        plugins=sorted(set(plugins)),
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    details = {"user": user.get_username(), "acts": token.acts, "plugins": token.plugins, "days": days}
    record_act(by, "token-made", None, subject=key, details=details)
    logger.info("token %s made for %s", key, user.get_username())
    return token, SecretValue(f"{MARK}{key}_{secret}")


@sensitive_variables()
def find_token(text: SecretValue) -> ApiToken:
    """Return the token that a request shows, with its user; one query.

    The row is found by the part that is no secret, and the rest compared as hashes in constant time, also where there
    is no such row: neither an answer nor how long it takes tells which tokens there are.

    Raises:
        TokenExpired: It is right, and its time is over.
        TokenRefused: It is wrong, was revoked, or its user is gone, not active, or no staff.
    """
    shape = _SHAPE.fullmatch(text.reveal())
    if shape is None:
        raise TokenRefused("it has another form")
    key, secret = shape.groups()
    token = ApiToken.objects.select_related("user").filter(key=key).first()
    is_right = hmac.compare_digest(_NOBODYS if token is None else token.digest, _digest_of(secret))
    if token is None or not is_right:
        raise TokenRefused(f"{key} is unknown, or its secret is wrong")
    if token.revoked_at is not None:
        raise TokenRefused(f"{key} was revoked")
    if not token.has_user:
        raise TokenRefused(f"the user of {key} is gone, not active, or no staff")
    if token.is_expired:
        raise TokenExpired(f"{key} expired")
    return token


def note_use(token: ApiToken) -> None:
    """Write down that a token is used now, to the minute."""
    now = timezone.now()
    if token.last_used_at is None or token.last_used_at < now - _NOTED_EVERY:
        is_due = Q(last_used_at=None) | Q(last_used_at__lt=now - _NOTED_EVERY)
        ApiToken.objects.filter(is_due, pk=token.pk).update(last_used_at=now)


@transaction.atomic
def revoke_token(token: ApiToken, by: AbstractBaseUser | None = None) -> bool:
    """Let a token be good for nothing from its next use on; there is no way back.

    Returns:
        Whether it was not revoked before.
    """
    count = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    if count:
        record_act(by, "token-revoked", None, subject=token.key, details={"name": token.name})
        logger.info("token %s revoked", token.key)
    return count > 0


def _digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _check(name: str, acts: Sequence[str], plugins: Sequence[str], days: int) -> None:
    if not name.strip() or len(name) > 100 or not name.isprintable():
        raise ValueError("a token's name has 1 to 100 printable characters")
    if not acts or not set(acts) <= set(ApiToken.Act.values):
        raise ValueError(f"a token is for one or more of {', '.join(ApiToken.Act.values)}")
    if len(plugins) > MOST_PLUGINS:
        raise ValueError(f"{len(plugins)} plugins; a token names at most {MOST_PLUGINS}, or none for all")
    for plugin in plugins:
        check_name(plugin, "plugins")
    if not 1 <= days <= conf.API_TOKEN_MAX_DAYS:
        raise ValueError(
            f"{days} days; a token is good for 1 to {conf.API_TOKEN_MAX_DAYS} ({PREFIX}API_TOKEN_MAX_DAYS)"
        )
