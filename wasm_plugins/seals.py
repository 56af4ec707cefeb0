"""What the signature of an upload says beside what verification found, and whether this project takes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from .conf import conf
from .exceptions import SignatureRefused
from .runtime.signing import SignatureBroken, Signed, read_signature
from .runtime.statement import Statement, canonical, stated_capabilities
from .runtime.verification import Verified
from .trust import ENFORCE, OFF, Keys, Trust, signature_finding


@dataclass(frozen=True, slots=True)
class Seal:
    """The signature that some bytes carry, or carry no more."""

    signed: Signed | None = None
    """A signature that holds, or ``None``."""

    problem: str = ""
    """Why a signature that is there does not hold."""

    def beside(self, verified: Verified) -> Seal:
        """Hold the statement against what verification found: one about another plugin is as good as broken."""
        if self.signed is None:
            return self
        wrong = _difference(self.signed.statement, verified)
        return replace(self, problem=wrong) if wrong else self

    def trust(self, keys: Keys) -> Trust:
        """Say what it is worth."""
        if self.problem:
            return Trust.MODIFIED
        return Trust.UNSIGNED if self.signed is None else keys.trust_of(self.signed.key)

    def recorded(self, keys: Keys) -> tuple[Trust, str, dict[str, Any] | None]:
        """Return what a version's row holds of it: trust, signing key and statement."""
        if self.signed is None:
            return self.trust(keys), "", None
        return self.trust(keys), self.signed.key, self.signed.statement.as_json()

    def findings(self, keys: Keys) -> Iterator[str]:
        """Say what an admin should know of it, where the project wants to be warned."""
        if conf.SIGNATURES != OFF and (trust := self.trust(keys)) != Trust.SIGNED:
            yield signature_finding(trust)


def read_seal(data: bytes) -> Seal:
    """Return what signature some bytes carry."""
    try:
        return Seal(read_signature(data))
    except SignatureBroken as error:
        return Seal(problem=str(error))


def check_seal(seal: Seal, keys: Keys) -> None:
    """Refuse a signature that this project does not take.

    Raises:
        SignatureRefused: With what is wrong with it.
    """
    if conf.SIGNATURES == OFF:
        return
    if seal.problem:
        raise SignatureRefused(f"it was modified after it was signed: {seal.problem}")
    trust = seal.trust(keys)
    if conf.SIGNATURES == ENFORCE and trust != Trust.SIGNED:
        raise SignatureRefused(signature_finding(trust))


def _difference(statement: Statement, verified: Verified) -> str:
    manifest = verified.manifest
    if statement.name != manifest.name:
        return f"the statement is about the plugin {statement.name[:80]!r}"
    if statement.version != manifest.version:
        return "the statement names another version than plugin.toml"
    if canonical(statement.capabilities) != canonical(stated_capabilities(verified.imports, manifest.capabilities)):
        return "the statement names other capabilities than the component asks for"
    return ""
