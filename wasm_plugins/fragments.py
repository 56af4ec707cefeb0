"""Turns a fragment that a plugin answered into HTML that can stand in the host's own page and do nothing there."""

from __future__ import annotations

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

_REL: Final = "nofollow noopener noreferrer ugc"


def text_fragment(fragment: str) -> SafeString:
    """Return a fragment as text, every character as itself."""
    return escape(fragment)


def html_fragment(fragment: str) -> SafeString:
    """Return a fragment with its markup as far as that is harmless: whole elements, by an allow-list.

    It is parsed as browsers do and written anew, so nothing that is open at its end takes in the rest of the page.
    """
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
