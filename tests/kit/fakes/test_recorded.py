"""What a plugin got from the host is remembered in short, in the form that its arguments have."""

from __future__ import annotations

from typing import Any

import pytest

from wasm_plugins.kit.fakes.recorded import _shown
from wasm_plugins.runtime.values import Err, Ok, Some, Variant
from wasm_plugins.runtime.wasi.keyvalue import Bucket


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        (None, ""),
        (3, "3"),
        (Ok(), "ok"),
        (Ok("größe"), 'ok: "größe"'),
        (Ok([("a", "one"), ("b", None)]), 'ok: [["a", "one"], ["b", null]]'),
        (Ok({"rows": [[Variant("text", "x"), Variant("null")]]}), 'ok: {"rows": [[{"text": "x"}, "null"]]}'),
        (Ok(Some(True)), "ok: true"),
        (Ok(b"seven"), 'ok: "seven"'),
        (Ok([b"\xff\x00"]), 'ok: ["2 bytes"]'),
        (Ok(Bucket("default")), 'ok: "default"'),
        (Err("no"), 'err: "no"'),
        (Err(Variant("other", "away")), 'err: {"other": "away"}'),
        (Err(Variant("no-such-store")), 'err: "no-such-store"'),
    ],
)
def test_an_answer_is_shown_as_json(answer: Any, shown: str) -> None:
    assert _shown(answer) == shown


def test_a_long_answer_is_cut() -> None:
    assert len(_shown(Ok("x" * 1_000))) == 200
