"""Encrypts secrets at rest, each so that it can be opened only as that secret of that plugin."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings as project
from django.utils.encoding import force_bytes
from django.views.decorators.debug import sensitive_variables

from .conf import conf
from .exceptions import SecretUnreadable

_FORMAT: Final = "v1:"
_LABEL: Final = b"wasm_plugins secrets v1"
"""Keeps these keys apart from every other that is derived from the same material (RFC 5869, ``info``)."""

_NONCE_BYTES: Final = 12  # NIST SP 800-38D, 8.2.2; random, so good for 2**32 values of one key


class SecretValue:
    """A secret in the open, which no traceback, format string or debugger shows by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: Final = value

    def __repr__(self) -> str:
        return "***"

    def reveal(self) -> str:
        """Return the value itself, for the one place that needs it."""
        return self._value


@sensitive_variables()
def seal(plugin: str, name: str, value: SecretValue) -> str:
    """Return a value encrypted with the first key (AES-256-GCM), as text for a column.

    Plugin and name are authenticated with it (NIST SP 800-38D, additional data): moved to another row it is unreadable.
    """
    nonce = os.urandom(_NONCE_BYTES)
    sealed = _cipher(_keys()[0]).encrypt(nonce, value.reveal().encode(), _whose(plugin, name))
    return _FORMAT + base64.b64encode(nonce + sealed).decode()


@sensitive_variables()
def unseal(plugin: str, name: str, sealed: str) -> SecretValue:
    """Return the value that was sealed for this plugin under this name, with whichever of the keys.

    Raises:
        SecretUnreadable: No key opens it: the key is gone, or the text was changed or moved.
    """
    for key in _keys():
        if (value := _open(key, plugin, name, sealed)) is not None:
            return value
    raise SecretUnreadable(
        f"secret {name} cannot be decrypted: its key is in neither WASM_PLUGINS_SECRET_KEYS nor, where that is empty, "
        "SECRET_KEY and SECRET_KEY_FALLBACKS; bring the key back, or set the secret again",
        plugin=plugin,
    )


@sensitive_variables()
def is_current(plugin: str, name: str, sealed: str) -> bool:
    """Tell whether a value is sealed with the first key, so that the others are not needed for it."""
    return _open(_keys()[0], plugin, name, sealed) is not None


@sensitive_variables()
def _open(key: bytes, plugin: str, name: str, sealed: str) -> SecretValue | None:
    if not sealed.startswith(_FORMAT):
        return None
    try:
        data = base64.b64decode(sealed.removeprefix(_FORMAT), validate=True)
        opened = _cipher(key).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _whose(plugin, name))
        return SecretValue(opened.decode())
    except (ValueError, InvalidTag):
        return None


def _whose(plugin: str, name: str) -> bytes:
    return f"{plugin}\x00{name}".encode()  # neither name can hold a NUL, so no two pairs are alike


def _keys() -> Sequence[bytes]:
    """Return what keys are derived from: the setting's, or those that Django itself signs with."""
    keys: Sequence[str | bytes] = conf.SECRET_KEYS or (project.SECRET_KEY, *project.SECRET_KEY_FALLBACKS)
    return tuple(map(force_bytes, keys))


@lru_cache(maxsize=16)
def _cipher(key: bytes) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_LABEL).derive(key)
    return AESGCM(derived)
