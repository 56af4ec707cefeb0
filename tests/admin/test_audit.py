"""The audit trail in the admin: who, and how it ended, come first; where no user did it stands a word."""

from __future__ import annotations

import re

import pytest

from tests.admin.pages import AUDIT, Staff, text_of
from tests.admin.plugins import greeter
from tests.installed import install
from wasm_plugins import lifecycle
from wasm_plugins.audit.entries import new_entry
from wasm_plugins.models import AuditEntry

pytestmark = pytest.mark.django_db


def _who(page: str) -> list[str]:
    return re.findall(r'<td class="field-who">([^<]*)</td>', page)


def test_who_and_the_outcome_stand_beside_the_time(root: Staff) -> None:
    install(greeter())
    page = text_of(root.get(AUDIT))
    columns = re.findall(r'<th scope="col" class="[^"]*column-([a-z]+)', page)
    assert columns[:3] == ["when", "who", "outcome"]


def test_an_act_without_a_user_was_the_systems_and_a_visitor_is_nobody(root: Staff) -> None:
    plugin = install(greeter(), enable=False)
    AuditEntry.objects.all()._raw_delete("default")
    lifecycle.enable(plugin)
    lifecycle.disable(plugin, by=root.user)
    new_entry(act="route", user=None, plugin="greeter").save()
    page = text_of(root.get(AUDIT))
    assert sorted(_who(page)) == ["nobody", root.user.username, "system"]
    entry = AuditEntry.objects.get(act="enable")
    assert "system" in text_of(root.get(f"{AUDIT}{entry.pk}/change/"))
