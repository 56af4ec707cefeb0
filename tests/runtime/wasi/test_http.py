"""``wasi:http`` as the standard has it: every function, headers, bodies, and what comes of a request."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from wasmtime import component as wc

from tests.fetching import FETCHER
from wasm_plugins.exceptions import DeadlineExceeded, LimitExceeded, LinkError, PluginTrapped
from wasm_plugins.host import host_interfaces
from wasm_plugins.runtime import sandbox
from wasm_plugins.runtime.component import Component
from wasm_plugins.runtime.engine import get_runtime
from wasm_plugins.runtime.handles import HostResource
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.linker import HostFunction, LinkedComponent
from wasm_plugins.runtime.log import CallLog
from wasm_plugins.runtime.state import CallState
from wasm_plugins.runtime.values import Err, Ok, Variant
from wasm_plugins.runtime.wasi import http_fields, http_inbound, wasi_interfaces
from wasm_plugins.runtime.wasi.http import http_interfaces
from wasm_plugins.runtime.wasi.http_fields import FIELDS_BYTES, MOST_FIELDS, Fields
from wasm_plugins.runtime.wasi.http_types import Exchange, HttpAnswer, HttpFailed, HttpRequest
from wasm_plugins.runtime.wasi.streams import READ_BYTES, InputStream

EVERY_IMPORT = Path(__file__).with_name("every-import-of-http.wasm").read_bytes()
"""Imports every function and resource of ``wit/wasi-http``, ``wasi-io`` and the monotonic clock of ``wasi-clocks``, and
does nothing. Made by the crate ``wit-component``: its ``dummy_module`` of a world that imports both interfaces."""


def component(data: bytes) -> Component:
    return Component(wc.Component(get_runtime().engine, data))


def state(**limits: int) -> CallState:
    return CallState(export="run", limits=Limits(**limits), deadline_at=math.inf, log=CallLog(0))


def never(_state: CallState, _request: HttpRequest) -> HttpAnswer:
    raise AssertionError("nothing was to be sent")


def answering() -> Exchange:
    def exchange(_state: CallState, request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(status=200, headers=(("x-method", request.method.encode()),), body=request.body)

    return exchange


def take(*steps: dict[str, Any], exchange: Exchange, limits: Limits | None = None) -> list[dict[str, Any]]:
    interfaces = {each.name: each for each in http_interfaces(exchange)}
    linked = LinkedComponent(component(FETCHER), {**host_interfaces(), **interfaces})
    outcomes: list[dict[str, Any]] = json.loads(
        sandbox.call(linked, "fetch", [json.dumps({"steps": steps})], limits=limits or Limits(deadline_ms=10_000))
    )
    return outcomes


def test_every_function_of_the_standard_is_there_with_its_type_and_no_other_is() -> None:
    offered = {each.name: each for each in http_interfaces(never)}
    wanted = component(EVERY_IMPORT)
    LinkedComponent(wanted, {**wasi_interfaces(), **offered})
    for name, interface in offered.items():
        assert interface.functions.keys() == wanted.instances[f"{name}@0.2.12"].functions.keys()


def test_a_function_that_the_standard_does_not_have_is_refused() -> None:
    with pytest.raises(LinkError) as caught:
        text = '(component (import "wasi:http/types@0.2.0" (instance (export "connect" (func (result u32))))))'
        LinkedComponent(
            Component(wc.Component(get_runtime().engine, text)), {each.name: each for each in http_interfaces(never)}
        )
    assert caught.value.missing == "wasi:http/types@0.2.0#connect"


@pytest.mark.parametrize("name", http_inbound.FUNCTIONS)
def test_what_serves_requests_crashes_the_plugin_that_calls_it(name: str) -> None:
    with pytest.raises(PluginTrapped):
        http_inbound.FUNCTIONS[name].call(state(), None)


def test_a_request_arrives_whole_and_its_answer_is_read_whole() -> None:
    step = {"method": "POST", "zeroes": 200_000, "scheme": "https", "authority": "a.test", "path": "/x"}
    (outcome,) = take(step, exchange=answering())
    assert (outcome["status"], outcome["size"], outcome["headers"]) == (200, 200_000, [["x-method", "POST"]])


def test_the_reason_why_there_is_no_answer_arrives() -> None:
    def fail(_state: CallState, _request: HttpRequest) -> HttpAnswer:
        raise HttpFailed("DNS-error", {"rcode": "NXDOMAIN", "info-code": None})

    (outcome,) = take({}, exchange=fail)
    assert "DnsError" in outcome["error"]
    assert "NXDOMAIN" in outcome["error"]


def test_a_body_that_is_not_finished_is_never_sent() -> None:
    (outcome,) = take({"method": "POST", "body": "half", "drop": True}, exchange=never)
    assert outcome == {"error": "HttpProtocolError"}


def test_a_body_over_the_limit_is_never_sent_and_the_call_goes_on() -> None:
    limits = Limits(deadline_ms=10_000, http_body_bytes=100)
    steps: list[dict[str, Any]] = [{"method": "POST", "zeroes": 101}, {"method": "POST", "zeroes": 100}]
    too_large, largest = take(*steps, exchange=answering(), limits=limits)
    assert too_large == {"error": "HttpRequestBodySize(Some(101))"}
    assert largest["size"] == 100


def test_more_requests_than_the_limit_end_the_call() -> None:
    with pytest.raises(LimitExceeded) as caught:
        take(*[{}] * 4, exchange=answering(), limits=Limits(deadline_ms=10_000, http_requests=3))
    assert caught.value.limit == "http_requests"


def test_an_exchange_that_takes_the_calls_whole_time_is_the_calls_end() -> None:
    def slow(given: CallState, _request: HttpRequest) -> HttpAnswer:
        time.sleep(max(0.0, given.deadline_at - time.monotonic()) + 0.01)
        raise HttpFailed("HTTP-response-timeout")

    with pytest.raises(DeadlineExceeded):
        take({}, exchange=slow, limits=Limits(deadline_ms=300))


def test_what_goes_wrong_in_the_host_reaches_the_caller_and_not_the_plugin() -> None:
    def broken(_state: CallState, _request: HttpRequest) -> HttpAnswer:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        take({}, exchange=broken)


# Headers


def call(name: str, *args: object) -> Any:
    function: HostFunction = http_fields.FUNCTIONS[name]
    return function.call(state(), *args)


def test_headers_are_found_whatever_their_case_and_kept_in_order() -> None:
    fields = Fields()
    for name, value in (("X-A", b"1"), ("X-B", b"2"), ("x-a", b"3")):
        assert call("[method]fields.append", fields, name, value) == Ok()
    assert call("[method]fields.get", fields, "x-A") == [b"1", b"3"]
    assert call("[method]fields.has", fields, "X-b") is True
    assert call("[method]fields.set", fields, "X-a", [b"4"]) == Ok()
    assert call("[method]fields.entries", fields) == [("X-B", b"2"), ("X-a", b"4")]
    assert call("[method]fields.delete", fields, "x-b") == Ok()
    assert call("[method]fields.has", fields, "X-B") is False


def test_a_clone_can_be_changed_and_the_headers_of_a_request_cannot() -> None:
    frozen = Fields([("a", b"1")]).frozen()
    assert call("[method]fields.append", frozen, "b", b"2") == Err(Variant("immutable"))
    clone = call("[method]fields.clone", frozen)
    assert call("[method]fields.append", clone, "b", b"2") == Ok()
    assert frozen.entries == [("a", b"1")]


@pytest.mark.parametrize(
    "make",
    [
        lambda entries: call("[static]fields.from-list", entries),
        lambda entries: [call("[method]fields.append", fields, *entry) for fields in [Fields()] for entry in entries][
            -1
        ],
        lambda entries: call("[method]fields.set", Fields(), entries[0][0], [value for _, value in entries]),
    ],
)
@pytest.mark.parametrize(
    ("entries", "case"),
    [
        ([("host", b"a")], "forbidden"),
        ([("proxy-anything", b"a")], "forbidden"),
        ([("a", b"\n")], "invalid-syntax"),
        ([("a", b"1")] * (MOST_FIELDS + 1), "forbidden"),
        ([("a", b"1" * FIELDS_BYTES)], "forbidden"),
    ],
)
def test_a_header_is_refused_by_whatever_way_it_comes(
    make: Callable[[list[tuple[str, bytes]]], object], entries: list[tuple[str, bytes]], case: str
) -> None:
    assert make(entries) == Err(Variant(case))


def test_a_handle_of_another_resource_is_no_request() -> None:
    (_, handler) = http_interfaces(never)
    with pytest.raises(PluginTrapped):
        handler.functions["handle"].call(state(), HostResource(), None)


# Streams


def test_a_stream_is_read_in_pieces_to_its_end() -> None:
    stream = InputStream(b"x" * (READ_BYTES + 3))
    assert [len(stream.take(10**9) or b"") for _ in range(2)] == [READ_BYTES, 3]
    assert stream.take(1) is None


def test_bytes_are_moved_from_stream_to_stream() -> None:
    streams = wasi_interfaces()["wasi:io/streams"].functions
    log = CallLog(100)
    given = CallState(export="run", limits=Limits(), deadline_at=math.inf, log=log)
    (stdout,) = [wasi_interfaces()["wasi:cli/stdout"].functions["get-stdout"].call(given)]
    source = InputStream(b"one\ntwo\n")
    assert streams["[method]output-stream.splice"].call(given, stdout, source, 4) == Ok(4)
    assert [line.text for line in log.lines] == ["one"]
    assert streams["[method]input-stream.skip"].call(given, source, 99) == Ok(4)
    assert streams["[method]output-stream.splice"].call(given, stdout, source, 4) == Err(Variant("closed"))
