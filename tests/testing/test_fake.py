"""``FakePlugin``: Python functions behind the plugins' interface, with the host's own codec in between."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from django.http import HttpResponse
from django.test import Client
from pytest_django import Settings

from project.shop.plugin_hooks import order_placed
from wasm_plugins import get_plugin_manager, hook
from wasm_plugins.exceptions import (
    DeadlineExceeded,
    LimitExceeded,
    ManifestError,
    PluginFailed,
    PluginTrapped,
)
from wasm_plugins.runtime.values import ValueMismatch
from wasm_plugins.testing import Err, FakeCall, FakePlugin, FakeRoute, Variant, override_plugins

pytestmark = pytest.mark.django_db


@dataclass
class LineItem:
    """A record."""

    sku: str
    unit_price: int


@hook
def fake_typed(
    lines: list[LineItem], size: Literal["small", "large"], note: str | None, raw: bytes, pair: tuple[int, float]
) -> LineItem:
    """Something of everything."""


@hook(deadline_ms=30)
def fake_hurried(order_id: int) -> str:
    """Little time."""


def answering(answer: Any) -> FakePlugin:
    return FakePlugin("bonus", hooks={order_placed: answer})


def test_a_function_gets_what_a_plugin_would_get() -> None:
    bonus = FakePlugin("bonus", hooks={fake_typed: lambda *args: args[0][0]})
    with override_plugins(bonus):
        results = fake_typed([LineItem("tea", 250)], "small", None, bytearray(b"\x00\xff"), [1, 2])  # type: ignore[arg-type]
    record = {"sku": "tea", "unit-price": 250}
    assert bonus.calls == [FakeCall("fake-typed", ([record], "small", None, b"\x00\xff", (1, 2.0)))]
    assert results.values == [record]


def test_a_dataclass_is_answered_as_the_record_that_the_project_would_get() -> None:
    with override_plugins(FakePlugin("bonus", hooks={fake_typed: lambda *args: LineItem("tea", 1)})):
        assert fake_typed([], "large", "x", b"", (1, 1.0)).values == [{"sku": "tea", "unit-price": 1}]


@pytest.mark.parametrize("wrong", [7, None, b"bytes", ["list"], {"sku": "tea"}, "\ud800"])
def test_an_answer_of_another_type_is_the_tests_mistake_and_no_failure_of_a_plugin(wrong: object) -> None:
    with override_plugins(answering(lambda order_id, note: wrong)), pytest.raises(TypeError, match="result<string"):
        order_placed(1, "gift")


def test_an_answer_of_another_type_is_said_also_where_errors_are_skipped() -> None:
    with override_plugins(answering(lambda order_id, note: 7)), pytest.raises(TypeError):
        get_plugin_manager().call_hook_dynamic("order-placed", 1, "gift", on_error="skip")


@pytest.mark.parametrize("arguments", [("1", "gift"), (1.5, "gift"), (2**63, "gift"), (True, "gift"), (1, None)])
def test_an_argument_that_does_not_fit_is_the_callers_error(arguments: tuple[Any, Any]) -> None:
    bonus = answering(lambda order_id, note: "never asked")
    with override_plugins(bonus), pytest.raises(ValueMismatch):
        order_placed(*arguments)
    assert bonus.calls == []


def test_an_err_is_a_failure_with_its_text() -> None:
    with override_plugins(answering(lambda order_id, note: Err("sold out"))), pytest.raises(PluginFailed) as caught:
        order_placed(1, "gift")
    assert (caught.value.detail, caught.value.plugin, caught.value.version) == ("sold out", "bonus", 1)


def test_an_exception_is_a_trap_with_the_exception_as_its_cause() -> None:
    def answer(order_id: int, note: str) -> str:
        raise KeyError("no such order")

    bonus = FakePlugin("bonus", hooks={order_placed: answer}, version=3)
    with override_plugins(bonus), pytest.raises(PluginTrapped) as caught:
        order_placed(1, "gift")
    assert isinstance(caught.value.__cause__, KeyError)
    assert "KeyError" in caught.value.backtrace
    assert (caught.value.plugin, caught.value.version, caught.value.export) == ("bonus", 3, "order-placed")


def test_an_assertion_is_the_tests_own() -> None:
    def answer(order_id: int, note: str) -> str:
        assert order_id == 2
        return "fine"

    with override_plugins(answering(answer)), pytest.raises(AssertionError):
        order_placed(1, "gift")


def test_any_failure_can_be_played() -> None:
    def answer(order_id: int, note: str) -> str:
        raise DeadlineExceeded(export="order-placed", deadline_ms=1_000)

    with override_plugins(answering(answer)), pytest.raises(DeadlineExceeded) as caught:
        order_placed(1, "gift")
    assert caught.value.plugin == "bonus"


def test_a_function_that_takes_too_long_is_out_of_time() -> None:
    def answer(order_id: int) -> str:
        time.sleep(0.05)
        return "late"

    with override_plugins(FakePlugin("slow", hooks={fake_hurried: answer})), pytest.raises(DeadlineExceeded):
        fake_hurried(1)


def test_arguments_and_answers_weigh_what_they_weigh_in_any_call(settings: Settings) -> None:
    settings.WASM_PLUGINS_ARGUMENT_BYTES = settings.WASM_PLUGINS_RESULT_BYTES = 1_000
    with override_plugins(answering(lambda order_id, note: note)):
        assert order_placed(1, "x" * 1_000).values == ["x" * 1_000]
        with pytest.raises(LimitExceeded) as caught:
            order_placed(1, "x" * 1_001)
        assert caught.value.limit == "argument_bytes"
    with override_plugins(answering(lambda order_id, note: "x" * 1_001)), pytest.raises(LimitExceeded) as caught:
        order_placed(1, "")
    assert caught.value.limit == "result_bytes"


def test_a_fake_plugin_may_call_another_hook_until_calls_are_too_deep() -> None:
    def answer(order_id: int, note: str) -> str:
        return str(len(order_placed(order_id + 1, note)))

    with override_plugins(answering(answer)), pytest.raises(LimitExceeded) as caught:
        order_placed(1, "gift")
    assert caught.value.limit == "depth"


def test_a_json_route_gets_the_callers_object_with_claims_and_request(client: Client) -> None:
    bonus = FakePlugin("bonus", routes={"/bonus/points": FakeRoute(lambda data: data, access="public")})
    with override_plugins(bonus):
        response = client.post("/plugins/bonus/points?page=2", {"sku": "tea"}, content_type="application/json")
    assert response.status_code == 200
    assert (response.json()["sku"], response.json()["request"]["query"]) == ("tea", {"page": ["2"]})
    assert bonus.calls[0].name == "/bonus/points"


def test_a_json_route_refuses_with_err(client: Client) -> None:
    with override_plugins(
        FakePlugin("bonus", routes={"/bonus/points": FakeRoute(lambda data: Err("no"), access="public")})
    ):
        response = client.get("/plugins/bonus/points")
    assert (response.status_code, response.json()["error"]["code"]) == (422, "plugin-failed")


@pytest.mark.parametrize(("grants", "shown"), [({"html": {}}, "text/html"), ({}, "text/plain")])
def test_an_http_route_answers_djangos_response_and_html_where_it_was_granted(
    client: Client, grants: dict[str, Any], shown: str
) -> None:
    def page(request: dict[str, Any]) -> HttpResponse:
        return HttpResponse(f"<p>{request['method']}</p>", status=203, headers={"Cache-Control": "no-cache"})

    route = FakeRoute(page, takes="http", access="public")
    with override_plugins(FakePlugin("bonus", routes={"/bonus/page": route}, grants=grants)):
        response = client.get("/plugins/bonus/page")
    assert (response.status_code, response.content) == (203, b"<p>GET</p>")
    assert response["Content-Type"].startswith(shown)


@pytest.mark.parametrize(
    ("body", "content"),
    [(Variant("empty"), b""), (Variant("text", "é"), "é".encode()), (Variant("bytes", b"\xff"), b"\xff")],
)
def test_an_http_route_answers_the_record_of_the_interface(client: Client, body: Variant, content: bytes) -> None:
    def page(request: dict[str, Any]) -> dict[str, Any]:
        return {"status": 200, "headers": [], "body": body}

    route = FakeRoute(page, takes="http", access="public")
    with override_plugins(FakePlugin("bonus", routes={"/bonus/page": route})):
        assert client.get("/plugins/bonus/page").content == content


@pytest.mark.parametrize("content", [b"", b"text", b"\xff\xfe"])
def test_djangos_response_arrives_byte_for_byte(client: Client, content: bytes) -> None:
    route = FakeRoute(lambda request: HttpResponse(content), takes="http", access="public")
    with override_plugins(FakePlugin("bonus", routes={"/bonus/page": route})):
        assert client.get("/plugins/bonus/page").content == content


@pytest.mark.parametrize(
    "made",
    [
        lambda: FakePlugin("Not A Name"),
        lambda: FakePlugin("admin"),
        lambda: FakePlugin("bonus", routes={"/other/points": lambda data: 1}),
        lambda: FakePlugin("bonus", routes={"/bonus/x": FakeRoute(lambda data: 1, access="everybody")}),
        lambda: FakePlugin("bonus", routes={"/bonus/x": FakeRoute(lambda data: 1, methods=["TRACE"])}),
        lambda: FakePlugin("bonus", tasks={"Not A Name": lambda data: 1}),
        lambda: FakePlugin("bonus", hooks={"order-placed": lambda: ""}, priority=10_001),
    ],
)
def test_what_it_declares_is_checked_as_any_plugins_is(made: Any) -> None:
    with pytest.raises(ManifestError):
        made()


def test_a_grant_of_no_capability_and_a_name_for_two_things_are_refused() -> None:
    with pytest.raises(ValueError, match="capability"):
        FakePlugin("bonus", grants={"fly": {}})
    with pytest.raises(ValueError, match="order-placed"):
        FakePlugin("bonus", hooks={"order-placed": lambda *args: ""}, tasks={"order-placed": lambda data: 1})
