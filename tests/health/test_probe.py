"""The right to try a version that sleeps: whoever got it too late has not got it."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from tests.components import ok, plugin_component, text_hook
from tests.installed import install
from wasm_plugins.health import records
from wasm_plugins.models import VersionHealth
from wasm_plugins.outbox import outbox
from wasm_plugins.registry import find_snapshot

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_claim_whose_caller_gave_up_meanwhile_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = install(plugin_component("bad", hooks={"speak": text_hook(ok("one"))}))
    assert plugin.current_version is not None
    health = VersionHealth.objects.create(
        version=plugin.current_version, open_until=timezone.now() - timedelta(seconds=1), times_opened=1
    )
    active = find_snapshot().plugins["bad"]
    monkeypatch.setattr(records, "_PATIENCE_S", 0.2)
    lease_until = timezone.now() + timedelta(seconds=60)
    is_locked, may_go_on = threading.Event(), threading.Event()

    def hold_the_row() -> None:
        try:
            with transaction.atomic():
                VersionHealth.objects.select_for_update().get(pk=health.pk)
                is_locked.set()
                assert may_go_on.wait(20)
        finally:
            connections.close_all()

    holder = threading.Thread(target=hold_the_row)
    holder.start()
    assert is_locked.wait(5)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        assert records.claim_probe(active, lease_until) is False
    may_go_on.set()
    holder.join(5)
    until = time.monotonic() + 10
    while outbox.is_waiting and time.monotonic() < until:
        time.sleep(0.02)
    health.refresh_from_db()
    assert health.open_until is not None and health.open_until <= timezone.now()
    assert records.claim_probe(active, lease_until) is True
