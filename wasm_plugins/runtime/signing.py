"""Ed25519 signatures that travel inside the component they are about, as its last custom section.

A plugin stays one file: the section ``wasm-plugins:signature`` holds statement, public key, signature (RFC 8032), and
the statement names the SHA-256 of all bytes before the section. Nothing may follow it, and there is one way only to
write it, so that no byte of a signed file can change without the signature saying so.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from .sections import append_section, find_sections
from .statement import STATEMENT_BYTES, Statement, canonical

SECTION: Final = "wasm-plugins:signature"
_DOMAIN: Final = b"wasm-plugins signed statement, version 1\n"
"""Signed before the statement, so that no signature made for another purpose can pass for one on a plugin."""

_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_SECTION_BYTES: Final = STATEMENT_BYTES + 1_024


class SignatureBroken(ValueError):
    """There is a signature, and it is not one on these bytes: they were changed, or cut out of another file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A signature that holds; whether its key is to be trusted is for others to say."""

    statement: Statement
    key: str
    """The public key, 64 hexadecimal digits."""


def sign(component: bytes, statement: Statement, private_key: Ed25519PrivateKey) -> bytes:
    """Return the component with a signature at its end.

    Args:
        component: The bytes of a component that carries none yet.
        statement: What to sign; its digest must be that of the component.
        private_key: The signer's.

    Raises:
        ValueError: The component is signed already, or the statement is about another one.
    """
    if _places(component):
        raise ValueError("the component is signed already")
    if statement.digest != hashlib.sha256(component).hexdigest():
        raise ValueError("the statement is about another component")
    said = Statement.from_json(statement.as_json()).as_json()
    payload = {
        "key": private_key.public_key().public_bytes_raw().hex(),
        "signature": private_key.sign(_DOMAIN + canonical(said)).hex(),
        "statement": said,
    }
    return append_section(component, SECTION, canonical(payload))


def read_signature(component: bytes) -> Signed | None:
    """Return the signature that a component carries, or ``None``; takes time in proportion to its size.

    Raises:
        SignatureBroken: It carries one that does not hold.
    """
    try:
        places = _places(component)
    except ValueError:
        return None  # no well-formed component: that is for the compiler to say
    if not places:
        return None
    if len(places) > 1 or places[0][1] != len(component):
        raise SignatureBroken("bytes follow the signature, or there are several")
    start = places[0][0]
    payload = places[0][2]
    key, signature, statement = _parts(payload)
    if append_section(component[:start], SECTION, payload) != component:
        raise SignatureBroken("the signature's section is written in an unusual way")
    if hashlib.sha256(component[:start]).hexdigest() != statement.digest:
        raise SignatureBroken("the statement is about other bytes")
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, _DOMAIN + canonical(statement.as_json()))
    except (InvalidSignature, ValueError):
        raise SignatureBroken("the signature does not fit the statement") from None
    return Signed(statement=statement, key=key.hex())


def _places(component: bytes) -> list[tuple[int, int, bytes]]:
    """Return where each signature section begins and ends, with what it holds."""
    return [(start, end, payload) for name, start, end, payload in find_sections(component) if name == SECTION.encode()]


def _parts(payload: bytes) -> tuple[bytes, bytes, Statement]:
    try:
        if len(payload) > _SECTION_BYTES:
            raise ValueError(f"has {len(payload)} bytes; the limit is {_SECTION_BYTES}")
        told = json.loads(payload)
        if not isinstance(told, dict) or told.keys() != {"key", "signature", "statement"} or canonical(told) != payload:
            raise ValueError("is not written as it should be")
        key, signature = _from_hex(told["key"], _KEY_BYTES), _from_hex(told["signature"], _SIGNATURE_BYTES)
        return key, signature, Statement.from_json(told["statement"])
    except (ValueError, RecursionError) as error:
        raise SignatureBroken(f"the signature cannot be read: {str(error)[:200]}") from None


def _from_hex(text: Any, size_bytes: int) -> bytes:
    if not isinstance(text, str) or len(text) != 2 * size_bytes or text != text.lower():
        raise ValueError(f"a key or signature must have {2 * size_bytes} hexadecimal digits in lower case")
    return bytes.fromhex(text)


def check_public_key(text: str) -> str:
    """Return a public key as it is compared: 64 hexadecimal digits in lower case.

    Raises:
        ValueError: It is none.
    """
    key = text.strip().lower()
    try:
        Ed25519PublicKey.from_public_bytes(_from_hex(key, _KEY_BYTES))
    except ValueError:
        raise ValueError("an Ed25519 public key is 32 bytes, written as 64 hexadecimal digits") from None
    return key
