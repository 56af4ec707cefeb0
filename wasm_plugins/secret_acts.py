"""What is done to the secrets of a plugin: set, taken away, listed without values, and encrypted anew."""

from __future__ import annotations

import logging
from typing import Final, Literal

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import QuerySet
from django.views.decorators.debug import sensitive_variables

from .audit import record_act
from .capabilities import CONFIG, requested
from .exceptions import SecretUnreadable
from .host.configuration import is_secret_name
from .models import Plugin, Secret
from .sealing import SecretValue, is_current, seal, unseal

MOST_SECRETS: Final = 64
"""Secrets that one plugin may have."""

VALUE_BYTES: Final = 64 * 1024
"""Longest value, in bytes of UTF-8."""

Obstacle = Literal["", "not-asked", "not-granted"]
"""What keeps a plugin from reading its secrets."""

logger = logging.getLogger(__name__)


def list_secrets(plugin: Plugin) -> QuerySet[Secret]:
    """Return a plugin's secrets by name, with who set each and without what it is."""
    return plugin.secrets.select_related("updated_by").defer("ciphertext").order_by("name")


def find_obstacle(plugin: Plugin) -> Obstacle:
    """Return why a plugin could not read a secret now: it never asks, or nobody granted it; else an empty text."""
    version = plugin.current_version
    if version is None or CONFIG not in requested(version.imports):
        return "not-asked"
    return "" if plugin.grants.filter(capability=CONFIG).exists() else "not-granted"


@sensitive_variables("value")
def set_secret(plugin: Plugin, name: str, value: SecretValue, by: AbstractBaseUser | None = None) -> None:
    """Set one secret, in place of an earlier value; the plugin's next call sees it.

    Raises:
        ValueError: The name or the value is none that a secret may have, or the plugin has 64 others.
    """
    _check_name(name)
    _check_value(value)
    with transaction.atomic():
        Plugin.objects.select_for_update().get(pk=plugin.pk)  # two at once must not both be the 64th
        others = plugin.secrets.exclude(name=name).count()
        if others >= MOST_SECRETS:
            raise ValueError(f"{plugin.name} has {others} secrets; the limit is {MOST_SECRETS}")
        row = {"ciphertext": seal(plugin.name, name, value), "updated_by_id": None if by is None else by.pk}
        Secret.objects.update_or_create(plugin=plugin, name=name, defaults=row)
        _done("secret-set", plugin, name, by)


def unset_secret(plugin: Plugin, name: str, by: AbstractBaseUser | None = None) -> bool:
    """Take a secret away.

    Returns:
        Whether there was one.
    """
    with transaction.atomic():
        count, _ = plugin.secrets.filter(name=name).delete()
        if count:
            _done("secret-unset", plugin, name, by)
    return count > 0


@sensitive_variables()
def rotate_secrets(plugin: Plugin, by: AbstractBaseUser | None = None) -> list[str]:
    """Encrypt a plugin's secrets with the first of the project's keys, so that the others can go.

    Returns:
        Names of those that were encrypted with another one.

    Raises:
        SecretUnreadable: No key decrypts one of them; nothing was changed then.
    """
    rotated = []
    with transaction.atomic():
        for row in plugin.secrets.select_for_update().order_by("name"):
            if not is_current(plugin.name, row.name, row.ciphertext):
                sealed = seal(plugin.name, row.name, unseal(plugin.name, row.name, row.ciphertext))
                plugin.secrets.filter(pk=row.pk).update(ciphertext=sealed)  # who set it, and when, stays
                rotated.append(row.name)
                _done("secret-rotated", plugin, row.name, by)
    return rotated


def find_unreadable(plugin: Plugin) -> list[str]:
    """Return the names of the secrets that no key decrypts."""
    unreadable = []
    for row in plugin.secrets.order_by("name"):
        try:
            unseal(plugin.name, row.name, row.ciphertext)
        except SecretUnreadable:
            unreadable.append(row.name)
    return unreadable


def _check_name(name: str) -> None:
    if not is_secret_name(name):
        raise ValueError(
            f"a secret's name is a-z, then up to 127 of a-z, 0-9, dot, underscore and hyphen, not {name[:80]!r}"
        )


@sensitive_variables()
def _check_value(value: SecretValue) -> None:
    size = len(value.reveal().encode(errors="replace"))
    if not 0 < size <= VALUE_BYTES:
        raise ValueError(f"the value has {size} bytes; it must have from 1 to {VALUE_BYTES}")
    if "\x00" in value.reveal() or any("\ud800" <= char <= "\udfff" for char in value.reveal()):
        raise ValueError("the value is no text")


def _done(act: str, plugin: Plugin, name: str, by: AbstractBaseUser | None) -> None:
    """Leave a trace, in the transaction of the act; whoever does it from the command line is the system."""
    record_act(by, act, plugin, subject=name)
    logger.info("%s: %s of %s by %s", act, name, plugin.name, "the system" if by is None else by.get_username())
