"""The database goes away in the middle: the call ends with an error, nothing is half written, the next one works."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.test import Client
from pytest_django import Settings

from project.shop.models import Product
from tests.components import json_handler, ok, plugin_component, route, sql, text_hook
from tests.installed import install, tables
from wasm_plugins import get_plugin_manager
from wasm_plugins.exceptions import PluginAsleep
from wasm_plugins.host.sql import postgresql, watchdog
from wasm_plugins.models import Route, VersionHealth
from wasm_plugins.outbox import outbox

pytestmark = [pytest.mark.django_db(databases=["default", "sqlite"], transaction=True), pytest.mark.canary_after]

INSERT = "INSERT INTO shop_product (sku, name, price_cents, stock) VALUES ($1, 'made by a plugin', 1, 1)"


def installed() -> None:
    """Install a plugin that writes one row."""
    component = plugin_component("writer", hooks={"write": text_hook(ok("done", first=[sql(INSERT, "a")]))})
    install(component, grants=tables(shop_product=["select", "insert"]))
    get_plugin_manager().reload()
    with connection.cursor() as cursor:  # the tests' server answers before it has written, and would forget all this
        cursor.execute("SET synchronous_commit = on")
        cursor.execute("UPDATE wasm_plugins_plugin SET name = name")
        cursor.execute("RESET synchronous_commit")


def call() -> list[object]:
    return get_plugin_manager().call_hook_dynamic("write", 1, "").values


def _own_backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def end_backend() -> None:
    """End the host's backend from the server's side."""
    pid = _own_backend()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    other.close()


def crash_server() -> None:
    """Kill a backend outright: the server ends all others at once, recovers from its log and starts anew."""
    os.kill(_own_backend(), signal.SIGKILL)


def wait_for_server() -> None:
    """Return once the server takes connections again."""
    for _ in range(200):
        with contextlib.suppress(OperationalError):
            connection.close()
            return connection.ensure_connection()
        time.sleep(0.1)
    raise AssertionError("the server did not come back")


@pytest.mark.parametrize("end", [end_backend, crash_server], ids=lambda end: end.__name__)
@pytest.mark.parametrize("when", ["before", "after"])
def test_if_03_a_server_that_goes_down_leaves_nothing_half_written(when: str, end: Callable[[], None]) -> None:
    installed()
    with pytest.raises((OperationalError, InterfaceError)), transaction.atomic():
        Product.objects.create(sku="host", name="made by a plugin", price_cents=1, stock=1)
        if when == "before":
            end()
            call()
        else:
            assert call() == ["done"]
            end()
    wait_for_server()
    assert not Product.objects.filter(name="made by a plugin").exists()
    assert call() == ["done"]


END_IN_THE_MIDDLE = """
CREATE FUNCTION end_in_the_middle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
CREATE TRIGGER end_in_the_middle BEFORE INSERT ON shop_product FOR EACH ROW WHEN (NEW.sku = 'b')
EXECUTE FUNCTION end_in_the_middle()
"""


@pytest.fixture
def ends_in_the_middle() -> Iterator[None]:
    """Have the server end the connection in the middle of the statement that inserts ``b``."""
    with connection.cursor() as cursor:
        cursor.execute(END_IN_THE_MIDDLE)
    yield
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION end_in_the_middle CASCADE")


@pytest.mark.usefixtures("ends_in_the_middle")
@pytest.mark.parametrize("atomic_requests", [False, True])
def test_if_03_a_server_that_goes_down_during_a_request_is_told_as_such_and_the_next_one_works(
    client: Client, atomic_requests: bool
) -> None:
    both = json_handler(ok("{}", first=[sql(INSERT, "a"), sql(INSERT, "b")]))
    routes = [route("/writer/both", both), route("/writer/one", json_handler(ok("{}", first=[sql(INSERT, "c")])))]
    install(plugin_component("writer", routes=routes), grants=tables(shop_product=["insert"]))
    Route.objects.update(access="public")
    connection.settings_dict["ATOMIC_REQUESTS"] = atomic_requests
    try:
        lost = client.get("/plugins/writer/both")
        assert (lost.status_code, lost.json()["error"]["code"]) == (503, "database-lost")
        assert lost["Retry-After"]
        connection.close()
        assert client.get("/plugins/writer/one").status_code == 200
    finally:
        connection.settings_dict["ATOMIC_REQUESTS"] = False
    assert list(Product.objects.values_list("sku", flat=True)) == ["c"]


def test_if_03_a_lock_that_the_host_waited_for_in_vain_is_no_lost_database(client: Client) -> None:
    install(plugin_component("writer", routes=[route("/writer/one", json_handler(ok("{}")))]))
    client.force_login(User.objects.create(username="ann"))
    other = connection.copy()
    with connection.cursor() as cursor, transaction.atomic(using="default"), other.cursor() as elsewhere:
        elsewhere.execute("BEGIN")
        elsewhere.execute("LOCK TABLE auth_user")
        cursor.execute("SET LOCAL lock_timeout = 50")
        with pytest.raises(OperationalError, match="lock timeout"), transaction.atomic():
            client.get("/plugins/writer/one")
    other.close()


def test_if_03_a_server_that_goes_down_during_the_commit_is_no_success() -> None:
    installed()
    outcome = "committed"
    try:
        with transaction.atomic():
            call()
            raw = connection.connection
            with socket.socket(fileno=socket.dup(raw.fileno())) as ours:  # what was sent is not answered any more
                ours.shutdown(socket.SHUT_RDWR)
    except DatabaseError:
        outcome = "unknown"
    connection.close()
    assert outcome == "unknown"
    assert call() == ["done"] or Product.objects.filter(sku="a").exists()


def test_if_04_a_backend_that_is_killed_costs_one_call_and_no_thread() -> None:
    installed()
    assert call() == ["done"]
    Product.objects.all().delete()
    before = {thread.name for thread in threading.enumerate()}
    for _ in range(3):
        with pytest.raises((OperationalError, InterfaceError)), transaction.atomic():
            end_backend()
            call()
        connection.close()
    assert {thread.name for thread in threading.enumerate()} <= before
    assert not watchdog._watchdog._watches
    assert call() == ["done"]


def test_if_04_a_server_that_keeps_no_timeout_is_cancelled_by_the_watchdog() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        began = time.monotonic()
        with (
            pytest.raises(OperationalError, match="canceling"),
            transaction.atomic(),
            watchdog.watched(connection.connection, 200),
        ):
            cursor.execute("SELECT pg_sleep(20)")
        assert time.monotonic() - began < 5
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def test_if_04_a_server_that_does_not_answer_at_all_is_cut_off() -> None:
    """A proxy that stops passing bytes on stands for a server that is stopped or out of reach."""
    settings = connection.settings_dict
    with silent_after_login(str(settings["HOST"]), int(settings["PORT"])) as (port, be_silent):
        other = connection.copy()
        other.settings_dict = {**settings, "HOST": "127.0.0.1", "PORT": port}
        other.ensure_connection()
        be_silent.set()
        began = time.monotonic()
        with pytest.raises(OperationalError), watchdog.watched(other.connection, 200), other.cursor() as cursor:
            cursor.execute("SELECT 1")
        assert time.monotonic() - began < 8
        other.close()


@pytest.mark.parametrize("is_there", [True, False], ids=["which goes on all the same", "which is away"])
def test_if_04_a_plugin_whose_statement_had_to_be_cut_is_blamed_if_the_server_was_told_to_cancel_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    installed()
    settings.WASM_PLUGINS_BREAKER_FAILURES = 1
    database = connection.settings_dict
    direct = {name: database[name] for name in ("HOST", "PORT")}
    server = silent_after_login(str(database["HOST"]), int(database["PORT"]), takes_cancels=is_there)
    with server as (port, be_silent):

        def silenced(raw: Any, budget_ms: int) -> Any:
            be_silent.set()
            database.update(direct)  # whoever connects anew finds the server
            return watchdog.watched(raw, budget_ms)

        connection.close()
        database.update(HOST="127.0.0.1", PORT=port)
        with monkeypatch.context() as patched:
            patched.setattr(postgresql, "watched", silenced)
            try:
                with pytest.raises((OperationalError, InterfaceError)):
                    call()
            finally:
                database.update(direct)
    if not is_there:
        assert call() == ["done"]
        return
    with pytest.raises(PluginAsleep):
        call()
    outbox.flush()
    assert VersionHealth.objects.get().times_opened == 1


class silent_after_login:
    """A proxy on loopback that passes bytes on until it is told not to, or no more of connections from before."""

    def __init__(self, host: str, port: int, *, takes_cancels: bool = False) -> None:
        self._takes_cancels = takes_cancels
        self._server = socket.create_server(("127.0.0.1", 0))
        self._to = (host, port)
        self._silent = threading.Event()
        self._open: list[socket.socket] = [self._server]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> tuple[int, threading.Event]:
        self._start(self._accept)
        return self._server.getsockname()[1], self._silent

    def __exit__(self, *raised: object) -> None:
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            server = socket.create_connection(self._to)
            self._open += [client, server]
            passes_always = self._takes_cancels and self._silent.is_set()
            self._start(self._pass_on, client, server, passes_always)
            self._start(self._pass_on, server, client, passes_always)

    def _pass_on(self, one: socket.socket, other: socket.socket, passes_always: bool) -> None:
        try:
            while data := one.recv(65_536):
                if passes_always or not self._silent.is_set():
                    other.sendall(data)
            if passes_always:
                other.shutdown(socket.SHUT_WR)
        except OSError:
            return
