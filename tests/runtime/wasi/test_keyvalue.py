"""``wasi:keyvalue`` as ``wit/wasi-keyvalue`` has it: every function with its type, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from wasm_plugins.host import host_interfaces
from wasm_plugins.kit.fakes import FakeHost
from wasm_plugins.kit.fakes.keyvalue import INTERFACES
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.log import CallLog
from wasm_plugins.runtime.state import CallState
from wasm_plugins.runtime.values import Err, Ok, Variant
from wasm_plugins.runtime.wasi.keyvalue import ATOMICS, STORE, Bucket

TEXT = (Path(__file__).parents[3] / "wit" / "wasi-keyvalue" / "keyvalue.wit").read_text()
ERROR = "variant { no-such-store, access-denied, other(string) }"
SPELLED = {
    "key-response": "record { keys: list<string>, cursor: option<string> }",
    "result<bucket": "result<own<resource>",
    "borrow<bucket>": "borrow<resource>",
    ", error>": f", {ERROR}>",
}


def _promised() -> dict[str, str]:
    """Return the functions of the WIT file by name, with their types as the host spells them."""
    found = {}
    for indent, name, of in re.findall(r"^( +)([a-z-]+): (func\(.*);$", TEXT, re.MULTILINE):
        for written, meant in SPELLED.items():
            of = of.replace(written, meant)
        is_method = len(indent) > 4
        of = of.replace("func(", "func(self: borrow<resource>, ", 1) if is_method else of
        found[f"[method]bucket.{name}" if is_method else name] = of
    return found


def test_the_host_offers_what_the_interface_says_type_for_type() -> None:
    offered = host_interfaces()
    functions = {**offered[STORE].functions, **offered[ATOMICS].functions}
    assert {name: str(each.type) for name, each in functions.items()} == _promised()


def _state(host: FakeHost | None, **limits: int) -> CallState:
    return CallState(
        export="any",
        limits=Limits(**limits),
        deadline_at=float("inf"),
        log=CallLog(0),
        host=host,
    )


def test_where_nobody_calls_access_is_denied() -> None:
    state = _state(None)
    assert INTERFACES[0].functions["open"].call(state, "default") == Err(Variant("access-denied"))
    assert host_interfaces()[STORE].functions["open"].call(state, "default") == Err(Variant("access-denied"))


def test_the_stand_in_keeps_values_under_the_hosts_limits_and_shows_each_call() -> None:
    store, atomics = (each.functions for each in INTERFACES)
    host = FakeHost(buckets=frozenset({"default", "drafts"}))
    state, bucket = _state(host, keyvalue_keys=2, keyvalue_bytes=20), Bucket("default")
    assert isinstance(store["open"].call(state, "drafts"), Ok)
    assert store["open"].call(state, "other") == Err(Variant("no-such-store"))
    assert store["[method]bucket.set"].call(state, bucket, "a", b"x") == Ok()
    assert store["[method]bucket.get"].call(state, Bucket("drafts"), "a") == Ok(None)
    assert atomics["increment"].call(state, bucket, "n", -3) == Ok(-3)
    assert store["[method]bucket.list-keys"].call(state, bucket, None) == Ok({"keys": ["a", "n"], "cursor": None})
    refused = store["[method]bucket.set"].call(state, bucket, "b", b"")
    assert isinstance(refused, Err) and "keyvalue_keys" in str(refused.value)
    refused = store["[method]bucket.set"].call(state, bucket, "a", b"x" * 20)
    assert isinstance(refused, Err) and "keyvalue_bytes" in str(refused.value)
    assert store["[method]bucket.delete"].call(state, bucket, "a") == Ok()
    assert store["[method]bucket.exists"].call(state, bucket, "a") == Ok(False)
    assert [each.function for each in host.calls][:2] == [f"{STORE}#open"] * 2
    assert [each.args for each in host.calls][2:4] == [("default", "a", "x"), ("drafts", "a")]
