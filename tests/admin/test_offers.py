"""What an admin approves by is whole: no host and no table is cut, and what widens all of them stands first."""

from __future__ import annotations

import json

import pytest
from django.utils.html import escape

from tests.admin.pages import Staff, page_of, step_of, text_of, words_of
from tests.components import json_handler, ok, plugin_component, sql
from tests.installed import install
from wasm_plugins.admin.consents import _items
from wasm_plugins.admin.offers import reach_in_words, scope_in_words

LONG = f"https://{'.'.join(['a' * 60] * 4)}.{{}}.example"
HOSTS = [f"https://{'h' * 60}{number}.example.com" for number in range(63)]
TABLES = [f"{'t' * 59}_{number:03}" for number in range(64)]


def test_of_64_hosts_the_last_is_told_and_flags_stand_before_all() -> None:
    words = scope_in_words({"hosts": [*HOSTS, "https://*.evil.example"], "private": True, "in_transaction": True})
    assert words.startswith("also in private networks; also while a transaction is open; https://h")
    assert words.endswith(", https://*.evil.example")


def test_of_64_tables_the_last_is_told() -> None:
    assert scope_in_words({"tables": {name: ["select"] for name in TABLES}}).endswith(f"{TABLES[-1]} (select)")


def test_of_buckets_the_last_is_told() -> None:
    assert scope_in_words({"buckets": ["carts", "b" * 3_000]}) == f"buckets carts, {'b' * 3_000}"
    assert scope_in_words({"buckets": []}) == "no bucket but “default”"


@pytest.mark.parametrize(
    "scope", [{"doors": ["b" * 3_000]}, {"tables": [], "doors": "bbb"}, {"buckets": "bbb"}, {"buckets": [], "x": "bbb"}]
)
def test_what_has_another_shape_is_told_whole(scope: dict[str, object]) -> None:
    assert scope_in_words(scope) == json.dumps(scope)


@pytest.mark.parametrize(
    ("capability", "words"),
    [
        ("database", "no table"),
        ("http", "no host"),
        ("keyvalue", "no bucket but “default”"),
        ("config", "all of it: it takes no scope"),
    ],
)
def test_a_grant_without_a_scope_says_how_far_it_reaches(capability: str, words: str) -> None:
    assert reach_in_words(capability, {}) == words
    assert reach_in_words(capability, {"hosts": ["https://a.example"]}) == "https://a.example"


@pytest.mark.parametrize("scope", [None, [], ["<b>"], "<b>", 7])
def test_a_scope_that_is_no_object_is_told_as_it_is(scope: object) -> None:
    assert reach_in_words("database", scope) == json.dumps(scope)


@pytest.mark.parametrize("key", ["hosts", "buckets"])
def test_what_a_grant_can_name_is_never_cut(key: str) -> None:
    names = [LONG.format(end) for end in ("good", "evil")]
    assert len(names[0]) > 250
    assert [item.name for item in _items("http", {key: names}, None, None)] == names


def test_the_consent_lists_flags_first_and_tables_whole() -> None:
    table = "t" * 300
    items = list(_items("database", {"tables": {table: ["select"]}, "private": True}, None, None))
    assert [item.name for item in items] == ["private", table]


def test_a_key_that_no_grant_can_have_is_cut_with_a_mark() -> None:
    (item,) = _items("config", {"k" * 500: "v" * 500}, None, None)
    assert (len(item.name), len(str(item.words))) == (200, 200)
    assert item.name.endswith("…") and str(item.words).endswith("…")


@pytest.mark.django_db
def test_the_pages_that_one_approves_on_show_the_last_of_64_tables(root: Staff) -> None:
    asked = "[capabilities.database.tables]\n" + "".join(f'{name} = ["select"]\n' for name in TABLES)
    task = {"read": json_handler(ok("{}", first=[sql("SELECT 1")]))}
    plugin = install(plugin_component("greedy", tasks=task, toml=asked), enable=False)
    version = plugin.versions.get()
    for url in (page_of(plugin), step_of("report", version)):
        assert escape(f"{TABLES[-1]} (select)") in text_of(root.get(url)), url
    assert f"{TABLES[-1]} : read rows" in words_of(root.get(step_of("consent", version)))
