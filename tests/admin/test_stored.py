"""Stored objects in the admin: what lies in storage, and what is wrong with it in full."""

from __future__ import annotations

import pytest

from tests.admin.pages import STORED, Staff, text_of
from tests.admin.plugins import greeter
from wasm_plugins import storage
from wasm_plugins.models import PluginVersion, StoredObject
from wasm_plugins.sync import sync

pytestmark = pytest.mark.django_db


def test_each_object_is_listed_with_what_is_wrong_with_it(viewer: Staff) -> None:
    storage.put_upload("good", greeter())  # it calls itself greeter
    storage.put_upload("page", b"<html>")
    storage.put_upload("greeter", greeter())
    sync()
    page = " ".join(text_of(viewer.get(STORED)).split())
    assert all(f"plugins/{name}.wasm" in page for name in ("good", "page", "greeter"))
    assert page.count('<td class="field-wrong">–</td>') == 1


def test_a_long_problem_is_short_in_the_list_and_whole_on_its_page(viewer: Staff) -> None:
    problem = "x" * 1_000
    storage.put_upload("page", b"<html>")
    sync()
    PluginVersion.objects.update(problem=problem)
    stored = StoredObject.objects.get()
    assert problem not in text_of(viewer.get(STORED))
    assert problem in text_of(viewer.get(f"{STORED}{stored.pk}/change/"))
