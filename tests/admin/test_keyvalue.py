"""Key-value stores in the admin: how much is kept, and what only to those with the right to know."""

from __future__ import annotations

import pytest

from tests.admin.conftest import MakeStaff
from tests.admin.pages import Staff, text_of
from tests.admin.plugins import greeter
from tests.installed import install
from wasm_plugins import lifecycle
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


@pytest.mark.parametrize("value", [b"\xff\xfe", b"x" * 1_025, b"esc\x1b[31m", "\N{RIGHT-TO-LEFT OVERRIDE}x".encode()])
def test_a_value_that_is_long_or_no_plain_text_is_not_shown(staff: MakeStaff, plugin: Plugin, value: bytes) -> None:
    assert "not shown" in text_of(staff("view_keyvalue").get(keep(plugin, value)))


def test_a_value_is_shown_as_it_is_and_never_as_html(staff: MakeStaff, plugin: Plugin) -> None:
    page = text_of(staff("view_keyvalue").get(keep(plugin, b"<script>alert(1)</script>")))
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page
