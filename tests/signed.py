"""Keys of made-up authors, and components signed with them without compiling anything."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wasm_plugins.runtime.signing import sign
from wasm_plugins.runtime.statement import Statement

ADA, BOB = (Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number in (1, 2))


def public(key: Ed25519PrivateKey) -> str:
    """Return a public key as settings have it."""
    return key.public_key().public_bytes_raw().hex()


def signed(
    component: bytes,
    *,
    name: str = "greeter",
    number: int = 1,
    key: Ed25519PrivateKey = ADA,
    **said: Any,
) -> bytes:
    """Return a component with a statement on it, true unless told otherwise."""
    statement = Statement(name=name, number=number, digest=hashlib.sha256(component).hexdigest(), **said)
    return sign(component, statement, key)
