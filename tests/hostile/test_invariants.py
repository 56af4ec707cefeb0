"""The invariants themselves notice what they are there for."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from django.test import Client

from project.shop.models import Product
from tests.hostile import canary, connection_state, process_state

pytestmark = pytest.mark.django_db


def test_a_changed_row_of_the_host_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    planted = canary.plant()
    Product.objects.filter(name=planted.secret).update(stock=0)
    with pytest.raises(AssertionError, match="a row of the host has changed"):
        canary.check(planted, caplog)


def test_a_secret_in_a_response_is_noticed(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    planted = canary.plant()
    client.get("/")  # the shop shows its products, and with them the planted name
    with pytest.raises(AssertionError, match="came out in a response"):
        canary.check(planted, caplog)
    canary.forget_responses()


def test_a_setting_that_outlives_its_use_is_noticed() -> None:
    before = connection_state.take()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 4321")
    with pytest.raises(AssertionError, match="default is not as it was"):
        connection_state.check(before)
    with connection.cursor() as cursor:
        cursor.execute("RESET statement_timeout")


def test_a_thread_that_stays_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_state, "_PATIENCE_S", 0.1)
    before = process_state.take()
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="left-behind")
    thread.start()
    try:
        with pytest.raises(AssertionError, match="left-behind"):
            process_state.check(before)
    finally:
        end.set()
        thread.join()
