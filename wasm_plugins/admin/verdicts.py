"""What was checked of a component and how that went, and what to do about what was found."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.template.defaultfilters import filesizeformat
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..capabilities import capability_of
from ..conf import conf
from ..models import PluginVersion
from ..trust import OFF, Keys, trust_of
from .report import folded

PASSED: Final = "passed"
FAILED: Final = "failed"
UNKNOWN: Final = "unknown"
NOTED: Final = "noted"
LACKING: Final = "lacking"

_FILE, _SIGNATURE, _COMPONENT, _FIT, _DECLARED = range(5)
_WHAT: Final[tuple[Promise, ...]] = (
    gettext_lazy("The file is whole, and not too large"),
    gettext_lazy("Who signed it is somebody this site trusts"),
    gettext_lazy("It is a WebAssembly component, and compiles within its bounds of time and memory"),
    gettext_lazy("It asks for nothing that the site does not offer, and its functions are of the right types"),
    gettext_lazy("What it says of itself is well formed, always the same, and claims nothing of another plugin"),
)
_FAILS_AT: Final = {
    "artifact-error": _FILE,
    "signature-refused": _SIGNATURE,
    "compile-error": _COMPONENT,
    "plugin-quarantined": _COMPONENT,
    "link-error": _FIT,
}
_WORDS: Final = {
    PASSED: gettext_lazy("passed"),
    FAILED: gettext_lazy("failed"),
    UNKNOWN: gettext_lazy("not finished"),
    NOTED: gettext_lazy("not asked for"),
    LACKING: gettext_lazy("no"),
}


class Check(NamedTuple):
    """One thing that was looked at."""

    what: str | Promise
    outcome: str
    said: str | Promise
    """The outcome in words."""


class Finding(NamedTuple):
    """Something to know of a version although it was not refused."""

    text: str
    todo: str


class Import(NamedTuple):
    """What a component imports, with what that lets it do."""

    name: str
    capability: str


def checks_of(version: PluginVersion, keys: Keys) -> list[Check]:
    """List what was checked of a version, and how that went."""
    outcomes = _outcomes(version)
    if outcomes[_SIGNATURE] == PASSED and trust_of(version, keys) != PluginVersion.Trust.SIGNED:
        outcomes[_SIGNATURE] = NOTED if conf.SIGNATURES == OFF else LACKING
    said = {_FILE: filesizeformat(version.size_bytes), _SIGNATURE: trust_of(version, keys).label}
    return [
        Check(what, outcome, f"{_WORDS[outcome]} ({said[at]})" if at in said else _WORDS[outcome])
        for at, (what, outcome) in enumerate(zip(_WHAT, outcomes, strict=True))
    ]


def findings_of(version: PluginVersion) -> list[Finding]:
    """List what was found of a version, each with what to do."""
    return [Finding(str(text), _todo(str(text))) for text in version.findings]


def imports_of(version: PluginVersion) -> list[Import]:
    """List what a version imports, WASI in one line, with the capability that each needs."""
    told, wasi = folded(map(str, version.imports))
    listed = [Import(name, capability_of(name) or _("nothing that has to be granted")) for name in told]
    if wasi:
        what = _("WASI, without files and network: %(packages)s") % {"packages": ", ".join(wasi)}
        listed.append(Import(what, _("nothing that has to be granted")))
    return listed


def _outcomes(version: PluginVersion) -> list[str]:
    if version.state == PluginVersion.State.VERIFIED:
        return [PASSED] * len(_WHAT)
    # The last two are checked turn by turn, so where one of them failed nothing is said of the other.
    failed = _FAILS_AT.get(version.error_code, _DECLARED)
    passed = min(failed, _FIT)
    return [FAILED if at == failed else PASSED if at < passed else UNKNOWN for at in range(len(_WHAT))]


def _todo(text: str) -> str:
    if text.startswith("signature:"):
        return _(
            "Nobody whom this site trusts vouches for these bytes. Ask the author to sign them, or enable it only if "
            "you know that the file came from him."
        )
    if "mixes alphabets" in text:
        return _("Read the name letter by letter: it may imitate another. Enable it only if you know its author.")
    if text.startswith("hook ") and text.endswith("never calls it"):
        return _("Harmless: that part of it is never called. Ask the author whether it was made for another site.")
    return _("Ask the author what it means before you enable it.")
