"""Turns a fragment that a plugin answered into HTML that can stand in the host's own page and do nothing there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

_TAGS: Final = (
    "a abbr b bdi blockquote br caption cite code col colgroup dd del details dfn div dl dt em figcaption figure h2 h3"
    " h4 h5 h6 hr i ins kbd li mark ol p pre q rp rt ruby s samp section small span strong sub summary sup table tbody"
    " td tfoot th thead time tr u ul var wbr"
)
_DROPPED_WHOLE: Final = (
    "applet embed form frameset iframe math noembed noframes noscript object script select style svg template textarea"
    " title xmp"
)

TAGS: Final = frozenset(_TAGS.split())
"""Elements that hold text. None runs, loads, embeds or sends anything, and none takes over the page around it."""

ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    "*": frozenset({"dir", "lang", "title"}),
    "a": frozenset({"href"}),
    "details": frozenset({"open"}),
    "ol": frozenset({"start", "type"}),
    "td": frozenset({"colspan", "rowspan"}),
    "th": frozenset({"colspan", "rowspan", "scope"}),
    "time": frozenset({"datetime"}),
}
"""No ``style``, ``class``, ``id`` or ``name``: with the site's own CSS a fragment could lie over the page, and with a
name it could stand in for what the site's scripts look for."""

URL_SCHEMES: Final = frozenset({"http", "https", "mailto"})
"""Beside paths of the site itself."""

DROPPED_WHOLE: Final = frozenset(_DROPPED_WHOLE.split())
"""Elements whose content is no text for people; of any other unknown element the content stays."""

MOST_ELEMENTS: Final = 250_000
MOST_WRITTEN_BYTES: Final = 16 * 1024 * 1024
"""What a fragment could at most become; it is known before it is parsed, from what it is made of."""

# Elements that HTML's parser opens again in each later paragraph, with all their attributes, until they are closed
# (HTML Standard, 13.2.4.3, "reconstruct the active formatting elements"): 17 kB of them become 22 MB.
_OPENED_AGAIN: Final = re.compile(
    r"<(?:a|b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?![a-z0-9-])", re.IGNORECASE
)

_REL: Final = "nofollow noopener noreferrer ugc"


class FragmentTangled(Exception):
    """A fragment could become far more than it is."""


def text_fragment(fragment: str) -> SafeString:
    """Return a fragment as text, every character as itself."""
    return escape(fragment)


def html_fragment(fragment: str) -> SafeString:
    """Return a fragment with its markup as far as that is harmless: whole elements, by an allow-list.

    It is parsed as browsers do and written anew, so nothing that is open at its end takes in the rest of the page.

    Raises:
        FragmentTangled: It has so many elements that are opened again and again that it could become too much.
    """
    _check_tangle(fragment)
    cleaned = nh3.clean(
        fragment,
        tags=set(TAGS),
        attributes={tag: set(names) for tag, names in ATTRIBUTES.items()},
        url_schemes=set(URL_SCHEMES),
        clean_content_tags=set(DROPPED_WHOLE),
        strip_comments=True,
        link_rel=_REL,
    )
    return mark_safe(cleaned)  # noqa: S308 - this is the sanitizer


def _check_tangle(fragment: str) -> None:
    opened_again, tags = len(_OPENED_AGAIN.findall(fragment)), fragment.count("<")
    if opened_again * tags > MOST_ELEMENTS or (opened_again and len(fragment) * tags > MOST_WRITTEN_BYTES):
        raise FragmentTangled(f"{opened_again} links and styles among {tags} tags: close them, or use fewer")
