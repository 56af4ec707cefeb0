"""``override_plugins``: exactly these plugins, through the real manager, and everything as before afterwards."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, TestCase, TransactionTestCase
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from project.shop.models import Order
from project.shop.plugin_hooks import order_placed, order_price
from tests.components import ok, plugin_component, text_hook, trap
from tests.installed import install
from wasm_plugins import components, get_plugin_manager, hook, lifecycle
from wasm_plugins.exceptions import (
    HookVetoed,
    PluginAsleep,
    PluginFailed,
    PluginTrapped,
    RouteNotFound,
    TaskNotFound,
)
from wasm_plugins.models import AuditEntry, VersionHealth
from wasm_plugins.registry import find_snapshot, registry
from wasm_plugins.tasks import request_run
from wasm_plugins.testing import Err, FakePlugin, FakeRoute, override_plugins

GREETER = plugin_component("greeter", hooks={"order-placed": text_hook(ok("from wasm"))})


@hook(on_error="skip")
def fake_skipped(order_id: int) -> str:
    """Skip errors."""


@hook(mode="first")
def fake_first(order_id: int) -> str | None:
    """Stop at the first answer."""


@hook(mode="veto")
def fake_vetoed(order_id: int) -> None:
    """The first err raises."""


def fake(name: str, answer: Any = "fake", hook_name: str = "order-placed", **options: Any) -> FakePlugin:
    """A plugin that answers a hook with what it is told, or what a function says."""
    answers = answer if callable(answer) else lambda *args: answer
    return FakePlugin(name, hooks={hook_name: answers}, **options)


def answers() -> list[tuple[str, Any]]:
    return [(each.plugin, each.value) for each in order_placed(1, "gift")]


def fail(*args: Any) -> Any:
    raise RuntimeError("a fake plugin crashed")


@pytest.mark.django_db
def test_inside_of_it_exactly_these_plugins_are_enabled_and_afterwards_those_of_before() -> None:
    install(GREETER)
    assert answers() == [("greeter", "from wasm")]
    with override_plugins(fake("bonus")):
        assert answers() == [("bonus", "fake")]
        assert set(find_snapshot().plugins) == {"bonus"}
    assert answers() == [("greeter", "from wasm")]


@pytest.mark.django_db
def test_none_at_all_is_no_plugin() -> None:
    install(GREETER)
    with override_plugins():
        assert answers() == []
        assert order_price(500, "[]").value == 500


@pytest.mark.django_db
def test_blocks_lie_inside_one_another() -> None:
    outer = override_plugins(fake("outer"))
    with outer:
        with override_plugins(fake("inner")):
            assert answers() == [("inner", "fake")]
        assert answers() == [("outer", "fake")]
        with outer:
            assert answers() == [("outer", "fake")]
        assert answers() == [("outer", "fake")]
    assert answers() == []


@pytest.mark.django_db
def test_what_was_enabled_is_restored_after_an_exception_too() -> None:
    install(GREETER)
    with pytest.raises(ZeroDivisionError), override_plugins(fake("bonus")):
        1 / 0  # noqa: B018
    assert answers() == [("greeter", "from wasm")]


@pytest.mark.django_db
def test_what_an_admin_does_meanwhile_counts_afterwards() -> None:
    plugin = install(GREETER)
    with override_plugins(fake("bonus")):
        lifecycle.disable(plugin)
        get_plugin_manager().reload()
        assert answers() == [("bonus", "fake")]
    assert answers() == []


@pytest.mark.django_db
def test_the_records_are_neither_read_nor_written() -> None:
    with CaptureQueriesContext(connection) as captured, override_plugins(fake("bonus")):
        answers()
        registry.invalidate()
        answers()
    assert [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]] == []


@pytest.mark.django_db
def test_the_components_of_before_are_not_loaded_again() -> None:
    install(GREETER)
    answers()
    digest = find_snapshot().plugins["greeter"].digest
    loaded = components.get_linked(digest)
    with override_plugins(fake("bonus")):
        answers()
    answers()
    assert components.get_linked(digest) is loaded


@override_plugins(fake("bonus"))
@pytest.mark.django_db
def test_it_decorates_a_function() -> None:
    assert answers() == [("bonus", "fake")]


@pytest.mark.django_db(transaction=True, databases=["default", "sqlite"])
def test_it_decorates_a_coroutine() -> None:
    from asgiref.sync import async_to_sync

    @override_plugins(fake("bonus"))
    async def asked() -> list[Any]:
        return (await order_placed.acall(1, "gift")).values

    assert async_to_sync(asked)() == ["fake"]


@override_plugins(fake("bonus"))
class TestCasesAreDecorated(TestCase):
    """Each test has the plugins, and its own setUp."""

    def setUp(self) -> None:
        self.early = answers()

    def test_the_test_and_its_set_up_have_the_plugins(self) -> None:
        assert self.early == answers() == [("bonus", "fake")]

    @override_plugins(fake("other"))
    def test_a_method_may_have_others(self) -> None:
        assert answers() == [("other", "fake")]


@override_plugins(fake("bonus"))
class TestCasesThatCommitAreDecorated(TransactionTestCase):
    """Outside a test's transaction it is the same."""

    databases = {"default", "sqlite"}  # noqa: RUF012

    def test_the_plugins_are_there(self) -> None:
        assert answers() == [("bonus", "fake")]


@pytest.mark.django_db(transaction=True, databases=["default", "sqlite"])
def test_other_threads_of_the_process_have_the_same_plugins() -> None:
    found: list[Any] = []

    def ask() -> None:
        found.extend(answers())
        connection.close()

    with override_plugins(fake("bonus")):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    assert found == [("bonus", "fake")]


@pytest.mark.django_db
def test_plugins_answer_in_order_of_priority_and_then_name() -> None:
    with override_plugins(fake("zebra"), fake("apple"), fake("monkey", priority=1)):
        assert [name for name, _ in answers()] == ["monkey", "apple", "zebra"]


@pytest.mark.django_db
def test_a_filter_hands_each_answer_to_the_next() -> None:
    shipping = fake("shipping", lambda cents, items: cents + 490, "order-price")
    rebate = fake("rebate", lambda cents, items: cents // 2, "order-price", priority=200)
    with override_plugins(rebate, shipping):
        assert order_price(1_000, "[]").value == 745
    assert rebate.calls == [("order-price", (1_490, "[]"))]


@pytest.mark.django_db
def test_the_first_answer_ends_a_hook_of_that_mode() -> None:
    late = fake("late", "never asked", "fake-first")
    with override_plugins(fake("a", None, "fake-first"), fake("b", "mine", "fake-first"), late):
        assert fake_first(1).value == "mine"
    assert late.calls == []


@pytest.mark.django_db
def test_an_err_vetoes() -> None:
    guard = fake("guard", Err("closed on Sundays"), "fake-vetoed")
    with override_plugins(guard), pytest.raises(HookVetoed) as caught:
        fake_vetoed(1)
    assert (caught.value.plugin, caught.value.detail) == ("guard", "closed on Sundays")


def _write(then: Any) -> Any:
    def answer(*args: Any) -> Any:
        Order.objects.create(note="by a fake plugin", total_cents=1)
        return then(*args)

    return answer


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("then", "error"), [(fail, PluginTrapped), (lambda *args: Err("no"), PluginFailed)], ids=["trap", "err"]
)
def test_an_error_that_is_skipped_undoes_that_plugins_changes_and_no_others(then: Any, error: type[Exception]) -> None:
    good, bad = fake("good", _write(lambda *args: "kept"), "fake-skipped"), fake("bad", _write(then), "fake-skipped")
    with override_plugins(bad, good):
        results = fake_skipped(1)
    assert [type(each) for each in results.errors] == [error]
    assert results.values == ["kept"]
    assert Order.objects.count() == 1


@pytest.mark.django_db
def test_an_error_that_is_raised_undoes_what_all_of_them_did() -> None:
    good, bad = fake("a", _write(lambda *args: "fine")), fake("b", _write(fail))
    with override_plugins(good, bad), pytest.raises(PluginTrapped):
        order_placed(1, "gift")
    assert not Order.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("access", "anonymous", "known"),
    [("public", 200, 200), ("authenticated", 401, 200), ("staff", 401, 403), ("shop.view_order", 401, 403)],
)
def test_who_may_call_a_route_is_enforced(client: Client, access: str, anonymous: int, known: int) -> None:
    points = FakeRoute(lambda data: {"points": 7}, access=access)
    with override_plugins(FakePlugin("bonus", routes={"/bonus/points": points})):
        assert client.get("/plugins/bonus/points").status_code == anonymous
        client.force_login(User.objects.create_user("ann"))
        assert client.get("/plugins/bonus/points").status_code == known


@pytest.mark.django_db
def test_a_route_takes_its_methods_and_no_others(client: Client) -> None:
    points = FakeRoute(lambda data: 7, access="public", methods=["GET"])
    with override_plugins(FakePlugin("bonus", routes={"/bonus/points": points})):
        assert client.post("/plugins/bonus/points").status_code == 405
        assert client.get("/plugins/bonus/elsewhere").status_code == 404


@pytest.mark.django_db
def test_a_route_is_gone_afterwards() -> None:
    with override_plugins(FakePlugin("bonus", routes={"/bonus/points": lambda data: 7})):
        pass
    with pytest.raises(RouteNotFound):
        get_plugin_manager().call_route(Client().request().wsgi_request, "/bonus/points")


@pytest.mark.django_db
def test_a_task_gets_its_input_as_json_was_read_and_answers_json() -> None:
    bonus = FakePlugin("bonus", tasks={"recount": lambda data: {"orders": len(data["ids"])}})
    with override_plugins(bonus):
        assert get_plugin_manager().execute_task("recount", {"ids": [1, 2]}) == '{"orders": 2}'
        with pytest.raises(TaskNotFound):
            get_plugin_manager().execute_task("misspelt")
    assert bonus.calls == [("recount", ({"ids": [1, 2]},))]


@pytest.mark.django_db
def test_a_run_of_a_task_cannot_be_queued_and_the_error_says_what_can_be_done() -> None:
    bonus = FakePlugin("bonus", tasks={"recount": lambda data: None})
    with override_plugins(bonus), pytest.raises(RuntimeError, match="execute_task"):
        request_run(plugin="bonus", handler="recount", input_text="{}")


@pytest.mark.django_db
def test_a_plugin_that_fails_falls_asleep_and_is_awake_in_the_next_block(settings: Settings) -> None:
    settings.WASM_PLUGINS_BREAKER_FAILURES = 2
    bad = fake("bad", fail)
    with override_plugins(bad):
        for error in (PluginTrapped, PluginTrapped, PluginAsleep):
            with pytest.raises(error):
                order_placed(1, "gift")
    assert len(bad.calls) == 2
    with override_plugins(bad), pytest.raises(PluginTrapped):
        order_placed(1, "gift")
    assert not VersionHealth.objects.exists()


@pytest.mark.django_db
def test_calls_are_audited_as_any(client: Client) -> None:
    with override_plugins(FakePlugin("bonus", routes={"/bonus/points": FakeRoute(lambda data: 7, access="public")})):
        client.get("/plugins/bonus/points")
    entry = AuditEntry.objects.get(act="route")
    assert (entry.plugin, entry.version, entry.outcome) == ("bonus", 1, "ok")


def test_two_plugins_of_one_name_are_refused_and_nothing_is_enabled() -> None:
    with pytest.raises(ValueError, match="bonus"), override_plugins(fake("bonus"), fake("bonus")):
        pass
    assert "bonus" not in registry.snapshot.plugins


def test_a_hook_that_the_project_does_not_have_is_refused_with_the_one_that_was_meant() -> None:
    with (
        pytest.raises(ValueError, match="did you mean order-placed"),
        override_plugins(fake("bonus", "x", "order-plced")),
    ):
        pass


@pytest.mark.django_db
def test_real_components_and_fake_plugins_answer_side_by_side() -> None:
    with override_plugins(GREETER, fake("zebra")):
        assert answers() == [("greeter", "from wasm"), ("zebra", "fake")]


@pytest.mark.django_db
def test_a_real_component_fails_as_ever() -> None:
    bad = plugin_component("bad", hooks={"order-placed": text_hook(trap())})
    with override_plugins(bad), pytest.raises(PluginTrapped):
        order_placed(1, "gift")


@pytest.mark.django_db(transaction=True, databases=["default", "sqlite"])
def test_async_code_may_use_it_as_a_block() -> None:
    from asgiref.sync import async_to_sync

    async def asked() -> list[Any]:
        with override_plugins(fake("bonus")):
            return await sync_to_async(answers)()

    assert async_to_sync(asked)() == [("bonus", "fake")]
