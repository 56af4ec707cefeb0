"""What people do with schedules, with what plugins keep, and with their own tokens, each on its page of the admin."""

from __future__ import annotations

from typing import Final

from django.utils.timezone import now
from playwright.sync_api import Page

from tests.admin.pages import page_of
from tests.browser.conftest import Staff
from tests.browser.person import Person
from tests.browser.plugins import ORDERS, loyalty
from tests.installed import install
from wasm_plugins.admin.people import at_moment
from wasm_plugins.models import ApiToken, KeyValue, KeyValueUsage
from wasm_plugins.tasks.schedule import next_run

SCHEDULES, USAGE, KEPT, TOKENS = (
    f"/admin/wasm_plugins/{model}/" for model in ("schedule", "keyvalueusage", "keyvalue", "apitoken")
)
VALUE: Final = "<b>7</b> points"


def test_an_admin_gives_a_task_a_schedule_and_sees_when_it_runs_next(approver: Person) -> None:
    plugin = install(loyalty(), grants=ORDERS)
    approver.open(SCHEDULES)
    approver.misses("loyalty: recount")

    approver.open(page_of(plugin))
    approver.fill("schedule: recount", "30 3 1 * *")
    approver.press("Save and continue editing")
    approver.sees("was changed successfully", within="body")
    due = next_run(plugin.tasks.get())
    assert due is not None and due > now()
    approver.sees(at_moment(due), within="#tasks-group")

    approver.open(SCHEDULES)
    approver.sees("30 3 1 * * (changed here)")
    approver.sees(at_moment(due), within="#result_list")
    approver.look("schedules")
    approver.follow("page of loyalty")
    assert approver.path == page_of(plugin)


def test_only_who_may_view_stored_values_sees_what_a_plugin_keeps_and_nobody_deletes_it_by_hand(
    viewer: Person, staff: Staff
) -> None:
    plugin = install(loyalty(), grants=ORDERS)
    KeyValueUsage.objects.create(plugin=plugin, keys=1, size_bytes=21)
    row = KeyValue.objects.create(plugin=plugin, bucket="default", key="points", value=VALUE.encode(), size_bytes=21)
    viewer.open(USAGE)
    viewer.sees("1 of")
    viewer.open(KEPT, status=403)

    trusted = staff("tara", "view_plugin", "view_keyvalue")
    trusted.open(KEPT)
    trusted.misses(VALUE)
    trusted.follow("points")
    assert trusted.path == f"{KEPT}{row.pk}/change/"
    trusted.sees(VALUE)  # as it was kept, and not as HTML
    trusted.look("kept-value")
    assert not trusted.has("link", "Delete")
    trusted.open(f"{KEPT}{row.pk}/delete/", status=403)


def test_somebody_makes_a_token_sees_it_once_and_revokes_it(staff: Staff) -> None:
    ida = staff("ida", "view_plugin", "add_apitoken")
    ida.open(TOKENS)
    ida.follow("Add API token")
    ida.fill("Name", "build server")
    ida.press("Make the token")
    ida.sees("it is never shown again")
    secret = ida.value_of("Token")
    ida.look("token-made")
    token = ApiToken.objects.get()
    assert token.key in secret

    ida.follow("See or revoke it")
    ida.sees("build server")
    assert secret not in ida.do(Page.content)
    ida.press("Revoke this token")
    ida.sees("is revoked", within="body")
    assert not ida.has("button", "Revoke this token")
    ida.open(TOKENS)
    ida.sees("revoked", within="#result_list")
    assert secret not in ida.do(Page.content)
    token.refresh_from_db()
    assert token.revoked_at is not None
