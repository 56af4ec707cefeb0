"""Key-value stores in the admin: how much is kept, and what only to those with the right to know."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.admin.conftest import MakeStaff
from tests.admin.pages import Staff, text_of
from tests.admin.plugins import greeter
from tests.installed import install
from wasm_plugins import lifecycle
from wasm_plugins.admin import run_list
from wasm_plugins.models import KeyValue, KeyValueUsage, Plugin

pytestmark = pytest.mark.django_db

USAGE, VALUES = "/admin/wasm_plugins/keyvalueusage/", "/admin/wasm_plugins/keyvalue/"


@pytest.fixture
def plugin(db: None) -> Plugin:
    """A plugin that keeps something."""
    plugin = install(greeter())
    KeyValueUsage.objects.create(plugin=plugin, keys=3, size_bytes=2_048)
    return plugin


def keep(plugin: Plugin, value: bytes) -> str:
    """Keep a value, and return the address of its page."""
    row = KeyValue.objects.create(plugin=plugin, bucket="default", key="k", value=value, size_bytes=len(value) + 1)
    return f"{VALUES}{row.pk}/change/"


def test_how_much_is_kept_is_shown_with_the_limits_of_the_plugin(viewer: Staff, plugin: Plugin) -> None:
    lifecycle.set_limits(plugin, {"keyvalue_keys": 77})
    page = text_of(viewer.get(USAGE))
    assert "3 of 77" in page
    assert "2.0\xa0KB of 10.0\xa0MB" in page


def test_what_is_kept_is_only_for_those_with_the_right_to_view_it(
    staff: MakeStaff, viewer: Staff, nobody: Staff, plugin: Plugin
) -> None:
    page = keep(plugin, b"of somebody")
    for address in (VALUES, page):
        assert viewer.get(address).status_code == 403
        assert nobody.get(address).status_code == 403
    assert nobody.get(USAGE).status_code == 403
    trusted = staff("view_keyvalue")
    assert "of somebody" not in text_of(trusted.get(VALUES))
    assert "of somebody" in text_of(trusted.get(page))
    assert trusted.post(f"{page.removesuffix('change/')}delete/", {"post": "yes"}).status_code == 403


def test_the_list_offers_buckets_that_were_granted_and_reads_no_whole_table(
    staff: MakeStaff, plugin: Plugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_list, "MOST_COUNTED", 2)
    lifecycle.grant(plugin, "keyvalue", {"buckets": ["carts"]})
    for key in "abc":
        KeyValue.objects.create(plugin=plugin, bucket="carts", key=key, value=b"x", size_bytes=2)
    keep(plugin, b"x")
    keeper = staff("view_keyvalue")
    with CaptureQueriesContext(connection) as asked:
        page = text_of(keeper.get(VALUES))
    assert "?bucket=carts" in page and "?bucket=default" in page
    assert "The list ends after 2 values" in page
    read = [each["sql"] for each in asked if 'FROM "wasm_plugins_keyvalue"' in each["sql"]]
    assert not any("DISTINCT" in sql for sql in read)
    assert all("LIMIT 2" in sql for sql in read if "COUNT(" in sql)
    assert not any('"wasm_plugins_plugin"."name" ASC' in sql for sql in read)
    page = text_of(keeper.get(VALUES, bucket="default", plugin__id__exact=str(plugin.pk)))
    assert ">k</a>" in page and ">a</a>" not in page
    assert "?bucket=gone" in text_of(keeper.get(VALUES, bucket="gone"))


@pytest.mark.parametrize("value", [b"\xff\xfe", b"x" * 1_025, b"esc\x1b[31m", "\N{RIGHT-TO-LEFT OVERRIDE}x".encode()])
def test_a_value_that_is_long_or_no_plain_text_is_not_shown(staff: MakeStaff, plugin: Plugin, value: bytes) -> None:
    assert "not shown" in text_of(staff("view_keyvalue").get(keep(plugin, value)))


def test_a_value_is_shown_as_it_is_and_never_as_html(staff: MakeStaff, plugin: Plugin) -> None:
    page = text_of(staff("view_keyvalue").get(keep(plugin, b"<script>alert(1)</script>")))
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
