"""Hooks: modes, error policies, savepoints, order, and the contract that annotations are."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext

from project.shop.models import Order
from tests.components import (
    answer_param_plus,
    echo,
    err,
    function,
    json_handler,
    number_hook,
    ok,
    plugin_component,
    spin,
    sql,
    text_hook,
    trap,
)
from tests.installed import install, tables
from wasm_plugins import HookResults, get_plugin_manager, hook, signatures
from wasm_plugins.exceptions import DeadlineExceeded, HookVetoed, LinkError, PluginFailed, PluginTrapped
from wasm_plugins.models import Hook
from wasm_plugins.registry import mark_changed
from wasm_plugins.signatures import hook_type
from wasm_plugins.sync import record_upload

pytestmark = pytest.mark.django_db(databases=["default", "sqlite"])

GRANTS = tables(shop_order=["select", "insert", "update"])
WRITE = sql("UPDATE shop_order SET note = 'written by a plugin' WHERE id = 1")


@hook
def order_seen(order_id: int, note: str) -> str:
    """Answer all, raise on error."""


@hook(on_error="skip")
def order_skipped(order_id: int, note: str) -> str:
    """Answer all, skip errors."""


@hook(mode="filter")
def order_filtered(price: int, note: str) -> int:
    """Each answer is the next one's first argument."""


@hook(mode="veto", on_error="skip")
def order_vetoed(order_id: int, note: str) -> str:
    """The first err raises."""


@hook(mode="first")
def order_first(order_id: int, note: str) -> str | None:
    """Stop at the first answer that is not none."""


@hook(deadline_ms=50)
def order_hurried(order_id: int, note: str) -> str:
    """Little time."""


def answering(name: str, hook_name: str, body: Any, **kwargs: Any) -> None:
    install(plugin_component(name, hooks={hook_name: text_hook(body)}), **kwargs)


@pytest.fixture
def order() -> Order:
    return Order.objects.create(pk=1, email="a@example.org", note="as it was", total_cents=100)


def test_a_hook_that_nobody_answers_is_empty() -> None:
    assert order_seen(1, "x") == []
    assert isinstance(order_seen(1, "x"), HookResults)


def test_a_filter_that_nobody_answers_amounts_to_its_first_argument() -> None:
    assert order_filtered(500, "x").value == 500
    assert order_filtered(note="x", price=500).value == 500


def test_a_filter_without_its_argument_is_the_callers_error_also_when_nobody_answers() -> None:
    order_filtered(500, "x")
    with pytest.raises(TypeError):
        order_filtered(note="x")  # type: ignore[call-arg]


def test_a_filter_that_was_refused_can_be_declared_rightly() -> None:
    def reshaped(price: int) -> str: ...

    def mended(price: int) -> int: ...

    with pytest.raises(TypeError):
        hook(mode="filter", name="mended-filter")(reshaped)
    assert hook(mode="filter", name="mended-filter")(mended).name == "mended-filter"


def test_every_plugin_answers_in_order_of_name() -> None:
    answering("zebra", "order-seen", ok("last"))
    answering("apple", "order-seen", ok("first"))
    results = order_seen(1, "x")
    assert [(result.plugin, result.version, result.value) for result in results] == [
        ("apple", 1, "first"),
        ("zebra", 1, "last"),
    ]
    assert all(result.elapsed_ms > 0 for result in results)


def test_priority_comes_before_name() -> None:
    answering("zebra", "order-seen", ok("now first"))
    answering("apple", "order-seen", ok("now last"))
    Hook.objects.filter(plugin__name="zebra").update(priority=1)
    mark_changed()
    assert [result.plugin for result in order_seen(1, "x")] == ["zebra", "apple"]


def test_arguments_may_be_given_by_name_and_arrive_in_their_place() -> None:
    answering("parrot", "order-seen", echo())
    assert order_seen(note="hello", order_id=3).values == ["hello"]


def test_a_filter_hands_each_answer_on() -> None:
    for name in ("one", "two", "six"):
        install(plugin_component(name, hooks={"order-filtered": number_hook(answer_param_plus(10))}))
    results = order_filtered(1000, "x")
    assert results.value == 1030
    assert [result.value for result in results] == [1010, 1020, 1030]


def test_an_error_raises_and_undoes_what_every_plugin_did(order: Order) -> None:
    answering("a-writer", "order-seen", ok("wrote", first=[WRITE]), grants=GRANTS)
    answering("b-failing", "order-seen", err("no"))
    with pytest.raises(PluginFailed) as caught, transaction.atomic():
        order_seen(1, "x")
    assert (caught.value.plugin, caught.value.version, caught.value.detail) == ("b-failing", 1, "no")
    order.refresh_from_db()
    assert order.note == "as it was"


@pytest.mark.parametrize(
    ("body", "error"), [(err("no", first=[WRITE]), PluginFailed), (trap(first=[WRITE]), PluginTrapped)]
)
def test_a_skipped_error_undoes_only_its_own_plugin(order: Order, body: Any, error: type) -> None:
    answering("a-failing", "order-skipped", body, grants=GRANTS)
    answering("b-writer", "order-skipped", ok("fine"))
    failed, fine = order_skipped(1, "x")
    assert isinstance(failed.error, error)
    assert failed.value is None
    assert fine.value == "fine"
    order.refresh_from_db()
    assert order.note == "as it was"


def test_what_a_plugin_wrote_is_there_for_its_caller(order: Order) -> None:
    answering("writer", "order-seen", ok("wrote", first=[WRITE]), grants=GRANTS)
    order_seen(1, "x")
    order.refresh_from_db()
    assert order.note == "written by a plugin"


def test_nothing_survives_a_rollback_of_the_caller(order: Order) -> None:
    answering("writer", "order-seen", ok("wrote", first=[WRITE]), grants=GRANTS)
    with transaction.atomic():
        order_seen(1, "x")
        transaction.set_rollback(True)
    order.refresh_from_db()
    assert order.note == "as it was"


def test_a_veto_raises_although_errors_are_skipped() -> None:
    answering("a-crash", "order-vetoed", trap())
    answering("b-veto", "order-vetoed", err("not today"))
    with pytest.raises(HookVetoed) as caught:
        order_vetoed(1, "x")
    assert (caught.value.plugin, caught.value.detail) == ("b-veto", "not today")


def test_a_veto_hook_whose_plugins_agree_answers_like_any() -> None:
    answering("a-crash", "order-vetoed", trap())
    answering("b-fine", "order-vetoed", ok("go on"))
    results = order_vetoed(1, "x")
    assert results.values == ["go on"]
    assert [type(error) for error in results.errors] == [PluginTrapped]


def test_first_stops_at_an_answer_that_is_not_none() -> None:
    shape = '(param "order-id" s64) (param "note" string) (result (result (option string) (error string)))'
    for name, body in (("a-none", none_answer()), ("b-some", some_answer("mine")), ("c-late", trap())):
        component = plugin_component(
            name, hooks={"order-first": function(shape, "(param i64 i32 i32)", body, payload_at=4)}
        )
        install(component)
    results = order_first(1, "x")
    assert results.value == "mine"
    assert [result.plugin for result in results] == ["a-none", "b-some"]


def none_answer() -> Any:
    return lambda memory, shape: (f"i32.const {memory.words(0, 0, 0, 0)}", ())


def some_answer(text: str) -> Any:
    return lambda memory, shape: (f"i32.const {memory.words(0, 1, *memory.text(text))}", ())


def test_a_hook_has_its_own_deadline() -> None:
    answering("spinner", "order-hurried", spin())
    with pytest.raises(DeadlineExceeded) as caught:
        order_hurried(1, "x")
    assert caught.value.deadline_ms == 50


def test_a_disabled_hook_row_is_not_asked() -> None:
    answering("parrot", "order-seen", ok("hello"))
    Hook.objects.update(is_enabled=False)
    mark_changed()
    assert order_seen(1, "x") == []


def test_an_export_of_another_type_is_refused_with_both_types() -> None:
    component = plugin_component("wrong", hooks={"order-filtered": text_hook(ok("text"))})
    with pytest.raises(LinkError) as caught:
        record_upload(component)
    assert "result<string, string>" in caught.value.message
    assert "result<s64, string>" in caught.value.message


def test_a_plugin_that_was_verified_before_the_hook_changed_is_refused_with_both_types(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answering("parrot", "changing", echo())
    monkeypatch.setitem(signatures._declared, "changing", hook_type(changed_hook))
    with pytest.raises(LinkError) as caught:
        get_plugin_manager().call_hook_dynamic("changing", 1, "x")
    assert caught.value.missing == "changing"


def changed_hook(order_id: int) -> str:
    """Another type than the plugin exports."""
    return ""


def test_a_hook_can_be_called_by_name_without_a_declaration() -> None:
    answering("parrot", "never-declared", echo())
    assert get_plugin_manager().call_hook_dynamic("never-declared", 7, "hi").values == ["hi"]
    assert get_plugin_manager().call_hook_dynamic("nobody-answers") == []


def test_arguments_that_do_not_fit_are_the_callers_error() -> None:
    answering("parrot", "never-declared", echo())
    with pytest.raises(TypeError):
        get_plugin_manager().call_hook_dynamic("never-declared", "seven", "hi")
    with pytest.raises(TypeError):
        get_plugin_manager().call_hook_dynamic("never-declared", 7)
    answering("second", "order-seen", echo())
    with pytest.raises(TypeError):
        order_seen(1)  # type: ignore[call-arg]


def test_a_hook_called_by_name_is_called_as_declared_unless_told_otherwise() -> None:
    answering("a-crash", "order-skipped", trap())
    manager = get_plugin_manager()
    assert [type(error) for error in manager.call_hook_dynamic("order-skipped", 1, "x").errors] == [PluginTrapped]
    with pytest.raises(PluginTrapped):
        manager.call_hook_dynamic("order-skipped", 1, "x", on_error="raise")


@pytest.mark.parametrize("options", [{"mode": "some"}, {"on_error": "ignore"}, {"deadline_ms": 0}])
def test_an_option_out_of_range_is_refused_when_declared(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must be"):
        hook(**options)


def test_a_hook_shares_the_transaction_of_the_database_it_names() -> None:
    answering("parrot", "never-declared", echo())
    with CaptureQueriesContext(connections["sqlite"]) as seen:
        get_plugin_manager().call_hook_dynamic("never-declared", 7, "hi", using="sqlite")
    assert [query["sql"].split()[0] for query in seen] == ["SAVEPOINT", "RELEASE"]


def test_a_hook_answers_async_code_too() -> None:
    answering("parrot", "order-seen", echo())

    async def ask() -> list[Any]:
        typed = await order_seen.acall(1, "async")
        dynamic = await get_plugin_manager().acall_hook_dynamic("order-seen", 1, "dynamic")
        return typed.values + dynamic.values

    assert async_to_sync(ask)() == ["async", "dynamic"]


def test_a_plugin_whose_type_does_not_fit_is_skipped_where_the_hook_was_never_declared_and_skips() -> None:
    install(plugin_component("odd", hooks={"nobody-declared": json_handler(ok("{}"))}))
    install(plugin_component("well", hooks={"nobody-declared": text_hook(ok("fine"))}))
    results = get_plugin_manager().call_hook_dynamic("nobody-declared", 1, "note", on_error="skip")
    assert results.values == ["fine"]
    assert [(error.plugin, error.code) for error in results.errors] == [("odd", "link-error")]
    with pytest.raises(TypeError):
        get_plugin_manager().call_hook_dynamic("nobody-declared", 1, "note")
