"""``wasm-plugins keygen``: make the key pair that an author signs plugins with."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

if TYPE_CHECKING:
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]


def add_parser(subcommands: Subcommands) -> None:
    """Add the subcommand to the command line."""
    parser = subcommands.add_parser("keygen", help="make a key to sign plugins with")
    parser.add_argument("output", type=Path, help="the private key to write; it must not exist")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the private key, and print the public one."""
    key = Ed25519PrivateKey.generate()
    write_private_key(arguments.output, key)
    print(key.public_key().public_bytes_raw().hex())
    return 0


def write_private_key(path: Path, key: Ed25519PrivateKey) -> None:
    """Write a key as PEM (PKCS #8, RFC 5958), readable by this user alone.

    Raises:
        OSError: There is such a file, or it cannot be written.
    """
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Return the key in a file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no Ed25519 key in PEM.
    """
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: is no private key in PEM without a password: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path}: is {type(key).__name__}, not an Ed25519 key; wasm-plugins keygen makes one")
    return key
