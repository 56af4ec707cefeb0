"""Whose signatures count now, what that makes of a version, and whether a version may follow another by itself."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from django.db.models import QuerySet

from .conf import conf
from .exceptions import SignatureRefused
from .models import Plugin, PluginVersion, TrustedKey

Trust = PluginVersion.Trust

OFF: Final = "off"
WARN: Final = "warn"
ENFORCE: Final = "enforce"
POLICIES: Final = (OFF, WARN, ENFORCE)
"""Values of ``WASM_PLUGINS_SIGNATURES``."""

NO_KEY_IS_TRUSTED: Final = "signatures are enforced and no key is trusted: no plugin can be taken, enabled or served"
HOW_TO_BEGIN: Final = (
    "trust a key in the admin or in WASM_PLUGINS_TRUSTED_KEYS (wasm-plugins keygen makes one), "
    'or set WASM_PLUGINS_SIGNATURES to "warn"'
)

_WORDS: Final[Mapping[str, str]] = {
    Trust.UNSIGNED: "it is not signed",
    Trust.MODIFIED: "it was modified after it was signed",
    Trust.REVOKED: "it is signed with a revoked key",
    Trust.UNKNOWN: "it is signed with a key that nobody trusts",
}


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys that are trusted now, and those that were."""

    names: Mapping[str, str] = field(default_factory=dict)
    """Whose a trusted key is, by public key."""

    revoked: Mapping[str, str] = field(default_factory=dict)
    """Whose a revoked key was, by public key."""

    def trust_of(self, key: str) -> Trust:
        """Say what a signature with this key is worth."""
        if key in self.revoked:
            return Trust.REVOKED
        return Trust.SIGNED if key in self.names else Trust.UNKNOWN

    def owner_of(self, key: str) -> str:
        """Return whose a key is or was, or an empty text if nobody said."""
        return self.names.get(key) or self.revoked.get(key, "")


def load_keys() -> Keys:
    """Read the keys of the settings and of the admin; one query. A revoked one is revoked wherever else it stands."""
    rows = list(TrustedKey.objects.values_list("public_key", "name", "is_revoked"))
    revoked = {key.lower(): name for key, name, is_revoked in rows if is_revoked}
    names = {key.lower(): name for name, key in conf.TRUSTED_KEYS.items()}
    names |= {key.lower(): name for key, name, _ in rows}
    return Keys({key: name for key, name in names.items() if key not in revoked}, revoked)


def trust_of(version: PluginVersion, keys: Keys) -> Trust:
    """Return what a version's signature is worth now; a key may have lost its worth since."""
    recorded = Trust(version.trust)
    if recorded in (Trust.UNSIGNED, Trust.MODIFIED):
        return recorded
    return keys.trust_of(version.signing_key)


def objection_to(version: PluginVersion, keys: Keys) -> str:
    """Return why a version must not serve where signatures are enforced, or an empty text."""
    trust = trust_of(version, keys)
    if trust != Trust.SIGNED:
        return _WORDS[trust]
    begins = (version.statement or {}).get("not_before", 0)
    return f"its signed statement holds from {begins} on (POSIX time)" if begins > time.time() else ""


def signature_finding(trust: Trust) -> str:
    """Return what an admin should know of a signature that is not trusted."""
    return f"signature: {_WORDS[trust]}"


def check_may_serve(plugin: Plugin, version: PluginVersion) -> None:
    """Refuse a version that must not serve, where signatures are enforced.

    Raises:
        SignatureRefused: With what is wrong with its signature, and the way out.
    """
    if conf.SIGNATURES != ENFORCE:
        return
    keys = load_keys()
    if objection := objection_to(version, keys):
        message = f"{objection}; {way_out(plugin, version, keys)}"
        raise SignatureRefused(message, plugin=plugin.name, version=version.number)


def way_out(plugin: Plugin, version: PluginVersion, keys: Keys) -> str:
    """Say what an operator does about a version that must not serve: name another that may, or how to come by one."""
    trusted = next((each.number for each in _verified_beside(plugin, version) if is_trusted(each, keys)), None)
    if trusted is not None:
        return f"version {trusted} is trusted: plugins enable {plugin.name} --version {trusted}"
    trust, milder = trust_of(version, keys), WARN if conf.SIGNATURES == ENFORCE else OFF
    if trust == Trust.SIGNED:
        return "wait until then, or upload a version that may begin now"
    its_key = ", trust its key if you know whose it is" if trust == Trust.UNKNOWN else ""
    policy = f'set WASM_PLUGINS_SIGNATURES to "{milder}"'
    return f"no version of it is trusted: have it signed and upload it again{its_key}, or {policy}"


def is_step_back(plugin: Plugin, version: PluginVersion, keys: Keys) -> bool:
    """Tell whether a version is less than what its plugin had: worse signed, or with a number that is not larger.

    All versions that were ever verified count, not the current one alone: after a rollback an old file must not
    come back as a new one. Such a version waits for an admin, whatever the policy.
    """
    worth = _worth(trust_of(version, keys))
    current = plugin.current_version
    if current is not None and worth < _worth(trust_of(current, keys)):
        return True
    if worth == 0:
        return False
    number = _number(version)
    return any(
        _worth(trust_of(each, keys)) >= worth and _number(each) >= number for each in _verified_beside(plugin, version)
    )


def is_trusted(version: PluginVersion, keys: Keys) -> bool:
    """Tell whether a version is signed with a key that is trusted now, and may begin to serve."""
    return objection_to(version, keys) == ""


def _verified_beside(plugin: Plugin, version: PluginVersion) -> QuerySet[PluginVersion]:
    """Return the other versions that were ever verified, newest first."""
    others = plugin.versions.filter(state=PluginVersion.State.VERIFIED).exclude(pk=version.pk)
    return others.only("number", "plugin", "trust", "signing_key", "statement")


def _worth(trust: Trust) -> int:
    return {Trust.SIGNED: 2, Trust.UNKNOWN: 1, Trust.REVOKED: 1}.get(trust, 0)


def _number(version: PluginVersion) -> int:
    return int((version.statement or {}).get("number", -1))
