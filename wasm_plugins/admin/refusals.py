"""Why a component was refused: for the admin what that means and what to do, for its author a text to send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..host import host_interfaces
from ..models import PluginVersion
from ..runtime.wasi import wasi_interfaces
from ..signatures import hook_signatures

_NAME_CHARS: Final = 100
_PROBLEM_CHARS: Final = 2_000


class Meaning(NamedTuple):
    """What the code of an error means to an admin."""

    means: str | Promise
    todo: str | Promise
    is_for_author: bool
    """Whether its author can do something about it, and a text for him helps."""


_ASKED: Final = Meaning(
    gettext_lazy("When it was asked what it is, it crashed, took too long, or wanted more than it may have."),
    gettext_lazy("Nothing that you could set makes it better: send the text below to its author."),
    True,
)
_UNKNOWN: Final = Meaning(
    gettext_lazy("It could not be checked to the end."),
    gettext_lazy("Tell whoever runs the site: the server's log has more."),
    False,
)
MEANINGS: Final = {
    "artifact-error": Meaning(
        gettext_lazy("The file could not be taken: it is over a limit, or this site's storage failed."),
        gettext_lazy("Where the message names a limit, whoever runs the site can raise it; else tell them of it."),
        False,
    ),
    "compile-error": Meaning(
        gettext_lazy(
            "It is no WebAssembly component that this site can run: a file of another kind, one that is damaged, or "
            "one that takes too much to compile."
        ),
        gettext_lazy("See whether it is the right file, and whole. If it is, send the text below to its author."),
        True,
    ),
    "link-error": Meaning(
        gettext_lazy(
            "It asks for something that this site does not have, or lacks a function that it should have. Often it "
            "was made for another site, or for a newer one."
        ),
        gettext_lazy("Send the text below to its author: it says what this site offers."),
        True,
    ),
    "manifest-error": Meaning(
        gettext_lazy(
            "What it says of itself (name, addresses, hooks, tasks, wishes) has a mistake, goes over a limit, or "
            "claims what belongs to another plugin."
        ),
        gettext_lazy("Send the text below to its author."),
        True,
    ),
    "signature-refused": Meaning(
        gettext_lazy("This site wants plugins to be signed by somebody it trusts, and the signature is not like that."),
        gettext_lazy(
            "If you know whose key it is, have it trusted under “Trusted keys” and upload the file again. Else ask "
            "its author to sign it, with the text below."
        ),
        True,
    ),
    "plugin-quarantined": Meaning(
        gettext_lazy("Processes of this server ended while they looked at this file, so none looks any more."),
        gettext_lazy("Do not upload it again. Tell whoever runs the site."),
        False,
    ),
    "safe-mode": Meaning(
        gettext_lazy("Safe mode is on, so nothing is checked; with the file itself nothing need be wrong."),
        gettext_lazy("Upload it again when whoever runs the site has ended safe mode."),
        False,
    ),
    **dict.fromkeys(
        ("call-error", "plugin-trapped", "limit-exceeded", "deadline-exceeded", "answer-refused", "plugin-failed"),
        _ASKED,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A component that was refused."""

    name: str
    """The plugin's name or the file's, whichever is known."""
    digest: str
    size_bytes: int
    code: str
    problem: str

    @property
    def meaning(self) -> Meaning:
        """What it means, and what to do."""
        return MEANINGS.get(self.code, _UNKNOWN)

    @property
    def letter(self) -> str:
        """A text for its author, or an empty one where he can do nothing; plain, so it has to be escaped in a page."""
        if not self.meaning.is_for_author:
            return ""
        return "\n\n".join([*_opening(self), *_offered(self.code), *_closing()])


def refusal_of(version: PluginVersion) -> Refusal | None:
    """Return why a recorded version was refused, or ``None`` if it was not."""
    if version.state != PluginVersion.State.REFUSED:
        return None
    return Refusal(
        name=version.plugin.name,
        digest=version.digest,
        size_bytes=version.size_bytes,
        code=version.error_code,
        problem=version.problem,
    )


def _opening(refusal: Refusal) -> list[str]:
    named = {"name": refusal.name[:_NAME_CHARS], "size": refusal.size_bytes, "digest": refusal.digest}
    problem = refusal.problem[:_PROBLEM_CHARS].replace("\n", "\n    ")
    return [
        _("Hello,"),
        _("our site could not take your plugin “%(name)s” (%(size)d bytes, SHA-256 %(digest)s). It said:") % named,
        f"    {refusal.code}: {problem}",
        f"{refusal.meaning.means}",
    ]


def _offered(code: str) -> list[str]:
    """Say what this site has, where something did not fit it."""
    if code != "link-error":
        return []
    wasi = wasi_interfaces().keys()
    interfaces = sorted(name for name in host_interfaces() if name not in wasi)
    hooks = sorted(f"{name}: {of}" for name, of in hook_signatures().items())
    said = [_("Interfaces that our site offers, beside WASI without files and network:") + _listed(interfaces)]
    return [*said, _("Hooks that our site calls:") + _listed(hooks)] if hooks else said


def _closing() -> list[str]:
    return [
        _("“wasm-plugins check FILE” checks a component in the same way before it is sent."),
        _("Please send us a version that passes. Thank you."),
    ]


def _listed(lines: list[str]) -> str:
    return "".join(f"\n    {line}" for line in lines)
