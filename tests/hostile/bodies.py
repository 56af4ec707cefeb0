"""Function bodies that take long and then answer, for tests of time and of calls that go on at once."""

from __future__ import annotations

from tests.components import Body, Shape
from tests.wat import Memory

ROUNDS_A_SECOND = 300_000_000
"""About how often a machine goes round the loop in a second."""


def busy(rounds: int, text: str = "{}") -> Body:
    """Count down, then answer ok with a text."""

    def body(memory: Memory, shape: Shape) -> tuple[str, tuple[()]]:
        counter = memory.put(rounds.to_bytes(8, "little"))
        answer = memory.words(0, *memory.text(text))
        return (
            f"(loop $more (i64.store (i32.const {counter})"
            f" (i64.sub (i64.load (i32.const {counter})) (i64.const 1)))"
            f" (br_if $more (i64.ne (i64.load (i32.const {counter})) (i64.const 0))))"
            f" i32.const {answer}"
        ), ()

    return body
