"""Attacks and accidents that once worked: each plugin, caller or machine failure here must stay harmless."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from project.shop.models import LoyaltyPoints, Order
from tests.admin.pages import Staff
from tests.components import (
    Function,
    authorize,
    http_handler,
    json_handler,
    log,
    ok,
    ok_response,
    plugin_component,
    route,
    sql,
    text_hook,
)
from tests.host_imports import Step
from tests.installed import install, tables
from tests.wat import HostImport
from wasm_plugins import components, get_plugin_manager, hook, lifecycle, snapshot
from wasm_plugins.exceptions import AnswerRefused, LinkError, PluginError, PluginFailed
from wasm_plugins.host.session import Session
from wasm_plugins.host.sql.errors import SqlRefused
from wasm_plugins.host.sql.parameters import to_database
from wasm_plugins.models import Plugin, Route, TaskRun
from wasm_plugins.registry import mark_changed, registry
from wasm_plugins.runtime.values import Variant
from wasm_plugins.snapshot import ActivePlugin
from wasm_plugins.sync import record_upload

in_one_transaction = pytest.mark.django_db(databases=["default", "sqlite"])
with_real_commits = pytest.mark.django_db(databases=["default", "sqlite"], transaction=True)

ORDER = 4_711
MISSING_ORDER = 999_999
POINTS = "INSERT INTO shop_loyaltypoints (order_id, points, created_at) VALUES ({}, 1, '2026-01-01 00:00:00')"
MAY_INSERT = tables(shop_loyaltypoints=["insert"])
TOKEN = "a" * 32


@hook(on_error="skip")
def parcel_sent(order_id: int, note: str) -> str:
    """Answer all, skip errors."""


@hook(mode="filter")
def parcel_weight(grams: int = 5) -> int:
    """A filter that may be called without an argument; no plugin answers it."""


def answering(name: str, *first: Step) -> bytes:
    """Return a plugin that takes some steps and answers with its name."""
    return plugin_component(name, hooks={"parcel-sent": text_hook(ok(name, first=first))})


def serve(handler: Function, access: str = "public") -> Plugin:
    """Install a plugin with one route."""
    plugin = install(plugin_component("pages", routes=[route("/pages/one", handler)]))
    Route.objects.update(access=access)
    mark_changed()
    return plugin


def make_order() -> None:
    Order.objects.create(pk=ORDER, email="ann@example.org", note="", total_cents=1)


@contextmanager
def another_thread(work: Callable[[], None]) -> Iterator[None]:
    """Run something beside the block, on connections of its own."""

    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()


# What a plugin leaves in the database


@with_real_commits
def test_a_deferred_foreign_key_that_a_skipped_plugin_breaks_costs_only_that_plugin() -> None:
    install(answering("broken", sql(POINTS.format(MISSING_ORDER))), grants=MAY_INSERT)
    install(answering("sound", sql(POINTS.format(ORDER))), grants=MAY_INSERT)
    with transaction.atomic():
        make_order()
        results = parcel_sent(ORDER, "")
    assert results.values == ["sound"]
    assert [(error.plugin, type(error)) for error in results.errors] == [("broken", AnswerRefused)]
    assert list(LoyaltyPoints.objects.values_list("order_id", flat=True)) == [ORDER]


@with_real_commits
def test_a_database_that_cannot_be_entered_leaves_no_other_in_a_transaction(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.WASM_PLUGINS_DATABASES = {"first": "sqlite", "second": "default"}
    session = Session("nothing", owns_transaction=True)

    def gone() -> None:
        raise OperationalError("the server is away")

    with monkeypatch.context() as patched, pytest.raises(OperationalError), session.closing():
        session.alias("first")
        connection.close()
        patched.setattr(connections["default"], "ensure_connection", gone)
        session.alias("second")
    assert [each.in_atomic_block for each in connections.all()] == [False, False]


@with_real_commits
def test_a_commit_that_fails_leaves_no_other_database_in_a_transaction(settings: Settings) -> None:
    settings.WASM_PLUGINS_DATABASES = {"first": "sqlite", "second": "default"}
    session = Session("nothing", owns_transaction=True)
    with pytest.raises(IntegrityError), session.closing():
        session.alias("first")
        session.alias("second")
        with connection.cursor() as cursor:
            cursor.execute(POINTS.format(MISSING_ORDER))
    assert [each.in_atomic_block for each in connections.all()] == [False, False]


@in_one_transaction
def test_a_moment_that_the_databases_zone_cannot_hold_is_refused() -> None:
    moment = Variant("timestamp", "0001-01-01T00:00:00+14:00")
    with pytest.raises(SqlRefused):
        to_database(moment, "sqlite", connections["sqlite"].timezone)


# Requests and answers


@in_one_transaction
@pytest.mark.parametrize(("token", "status"), [(TOKEN, 200), ("b" * 32, 403)])
@pytest.mark.parametrize("is_in_form", [True, False])
def test_a_form_with_a_file_is_answered_if_its_csrf_token_is_right(token: str, status: int, is_in_form: bool) -> None:
    serve(http_handler(ok_response(200, "hello")))
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.cookies["csrftoken"] = TOKEN
    form = {"file": SimpleUploadedFile("label.txt", b"tea"), **({"csrfmiddlewaretoken": token} if is_in_form else {})}
    headers = {} if is_in_form else {"X-CSRFToken": token}
    assert client.post("/plugins/pages/one", form, headers=headers).status_code == status


@in_one_transaction
@pytest.mark.parametrize(
    ("access", "method", "code"),
    [
        ("public", "post", "body-not-json"),
        ("public", "delete", "method-not-allowed"),
        ("user", "post", "authentication-required"),
    ],
)
def test_an_error_before_the_plugin_is_called_names_the_plugin(
    client: Client, access: str, method: str, code: str
) -> None:
    serve(json_handler(ok("{}")), access)
    response = getattr(client, method)("/plugins/pages/one", "[]", content_type="application/json")
    error = response.json()["error"]
    assert (error["plugin"], error["code"]) == ("pages", code)


@in_one_transaction
@pytest.mark.parametrize("constant", ["NaN", "[Infinity]", '{"sku": -Infinity}'])
def test_a_constant_that_json_does_not_have_is_no_answer(client: Client, constant: str) -> None:
    serve(json_handler(ok(constant)))
    response = client.post("/plugins/pages/one", {}, content_type="application/json")
    assert (response.status_code, response.json()["error"]["code"]) == (502, "answer-refused")


@in_one_transaction
def test_a_run_whose_user_was_deleted_is_not_shown_where_the_route_is_not_public(client: Client) -> None:
    plugin = serve(json_handler(ok("{}")), "user")
    user = User.objects.create_user("ann")
    run = TaskRun.objects.create(
        plugin=plugin,
        handler="one",
        route="/pages/one",
        requested_by=user,
        input="{}",
        queue="default",
        timeout_s=5,
        status=TaskRun.Status.FINISHED,
        result='{"secret": 1}',
    )
    address = reverse("wasm_plugins:run", args=[run.pk])
    assert client.get(address).status_code == 404
    user.delete()
    assert client.get(address).status_code == 404


@in_one_transaction
def test_a_flood_of_empty_log_lines_becomes_a_bounded_number_of_records(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    serve(json_handler(ok("{}", first=[log("\n" * 60_000)])))
    with caplog.at_level(logging.INFO, "wasm_plugins.plugin"):
        response = client.post("/plugins/pages/one", {}, content_type="application/json")
    assert response.status_code == 200
    assert 1 <= sum(record.name == "wasm_plugins.plugin" for record in caplog.records) <= 1_100


# Permissions


@pytest.fixture
def boss() -> User:
    """Make a superuser who was given one permission by name."""
    user = User.objects.create_superuser("boss")
    user.user_permissions.add(Permission.objects.get(content_type__app_label="shop", codename="view_order"))
    return user


def ask_for(user: User, *permissions: str) -> tuple[list[str], list[type[PluginError]], int]:
    """Have a plugin ask for permissions; return answers, errors and the number of queries for that."""
    install(answering("guard", authorize(*permissions)), grants={"authorization": {}})
    with CaptureQueriesContext(connection) as queries, get_plugin_manager().acting_as(user):
        results = parcel_sent(ORDER, "")
    looked_up = sum("auth_permission" in each["sql"] for each in queries)
    return results.values, [type(error) for error in results.errors], looked_up


@in_one_transaction
def test_a_superusers_permissions_take_a_few_queries_however_many_are_asked_for(boss: User) -> None:
    values, errors, queries = ask_for(boss, *["shop.view_order"] * 64)
    assert (values, errors) == (["guard"], [])
    assert 1 <= queries <= 3


@in_one_transaction
def test_more_than_64_permissions_at_once_are_refused(boss: User) -> None:
    values, errors, _ = ask_for(boss, *["shop.view_order"] * 65)
    assert (values, errors) == ([], [PluginFailed])


@in_one_transaction
def test_a_permission_that_no_database_can_look_up_is_one_that_the_user_lacks(boss: User) -> None:
    values, errors, _ = ask_for(boss, "sh\0op.view_order")
    assert (values, errors) == ([], [PluginFailed])


# Components and the machine they are compiled on


@in_one_transaction
def test_a_component_that_imports_the_folders_with_another_type_is_refused_at_upload() -> None:
    returned = "(result (result string (error string)))"
    folders = HostImport("wasi:filesystem/preopens@0.2.0", "get-directories", returned, core_params=1)
    with pytest.raises(LinkError) as caught:
        record_upload(answering("nosy", Step(folders)))
    assert caught.value.missing == "wasi:filesystem/preopens@0.2.0#get-directories"
    assert not Plugin.objects.exists()


@in_one_transaction
def test_a_cache_folder_that_is_gone_costs_time_and_no_answer(settings: Settings, tmp_path: Path) -> None:
    settings.WASM_PLUGINS_CACHE_DIR = tmp_path / "compiled"
    install_one_loaded_and_one_not()
    shutil.rmtree(tmp_path / "compiled")
    results = parcel_sent(ORDER, "")
    assert (results.values, results.errors) == (["loaded", "unloaded"], [])


@in_one_transaction
def test_a_cache_folder_that_cannot_be_made_costs_time_and_no_answer(settings: Settings, tmp_path: Path) -> None:
    install_one_loaded_and_one_not()
    (tmp_path / "file").touch()
    settings.WASM_PLUGINS_CACHE_DIR = tmp_path / "file" / "compiled"
    results = parcel_sent(ORDER, "")
    assert (results.values, results.errors) == (["loaded", "unloaded"], [])


def install_one_loaded_and_one_not() -> None:
    """Call two plugins, then have this process forget the second one's code."""
    loaded = install(answering("loaded")).current_version
    install(answering("unloaded"))
    assert parcel_sent(ORDER, "").values == ["loaded", "unloaded"]
    assert loaded is not None
    components.forget({loaded.digest})


# Hooks


@in_one_transaction
def test_a_filters_default_is_its_value_whether_or_not_the_snapshot_is_fresh() -> None:
    registry.invalidate()
    assert parcel_weight().value == 5
    assert monotonic() < registry.fresh_until
    assert [parcel_weight().value, parcel_weight(grams=7).value, parcel_weight(9).value] == [5, 7, 9]


def test_a_filter_that_returns_another_type_than_its_first_parameter_is_refused_where_it_is_declared() -> None:
    def parcel_label(order_id: int) -> str: ...

    with pytest.raises(TypeError):
        hook(mode="filter")(parcel_label)


# What everybody sees of a change


@in_one_transaction
def test_a_snapshot_that_is_read_during_a_change_is_never_half_of_it(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(handler: str) -> bytes:
        return plugin_component("pages", routes=[route("/pages/one", json_handler(ok(f'"{handler}"')), name=handler)])

    plugin = install(version("old"))
    newer = record_upload(version("new"))
    Route.objects.update(access="public")
    mark_changed()
    read_plugins, changes = snapshot._active_plugins, [newer.number]

    def read_and_change() -> dict[int, ActivePlugin]:
        found = read_plugins()
        while changes:
            lifecycle.use_version(plugin, changes.pop())
        return found

    monkeypatch.setattr(snapshot, "_active_plugins", read_and_change)
    response = client.post("/plugins/pages/one", {}, content_type="application/json")
    assert changes == []
    assert (response.status_code, response.json()) == (200, "new")


@with_real_commits
def test_a_registry_that_cannot_ask_leaves_the_callers_transaction_usable() -> None:
    install(answering("sound"))
    assert parcel_sent(ORDER, "").values == ["sound"]
    is_locked, may_end = threading.Event(), threading.Event()

    def lock() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE wasm_plugins_generation")
            is_locked.set()
            may_end.wait(10)

    with another_thread(lock):
        try:
            assert is_locked.wait(10)
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET LOCAL lock_timeout = '100ms'")
                make_order()
                registry.invalidate()
                assert parcel_sent(ORDER, "").values == ["sound"]
                assert Order.objects.count() == 1
        finally:
            may_end.set()
    assert Order.objects.count() == 1


@with_real_commits
def test_a_plugin_whose_enabling_is_not_committed_answers_in_no_other_thread() -> None:
    plugin = install(answering("early"), enable=False)
    seen: list[list[str]] = []
    with transaction.atomic():
        lifecycle.enable(plugin)
        assert parcel_sent(ORDER, "").values == ["early"]
        with another_thread(lambda: seen.append(parcel_sent(ORDER, "").values)):
            pass
        transaction.set_rollback(True)
    assert seen == [[]]
    assert parcel_sent(ORDER, "").values == []


@in_one_transaction
def test_the_button_that_enables_does_so_with_the_version_that_its_page_showed() -> None:
    plugin = install(plugin_component("pages", salt="1"), enable=False)
    newer = record_upload(plugin_component("pages", salt="2"))
    staff = Staff(User.objects.create_superuser("boss"), Client())
    lifecycle.use_version(plugin, newer.number)  # after the page with version 1 was opened
    staff.act(plugin, "enable", number=1)
    plugin.refresh_from_db()
    assert plugin.current_version is not None
    assert (plugin.is_enabled, plugin.current_version.number) == (True, 1)
