"""Plugins that read a secret of theirs and then do something with it, each what its function's name says.

>>> plugin_component("vault", tasks={"tell": json_handler(answered("token"))})
"""

from __future__ import annotations

from collections.abc import Callable

from tests.components import Body, Shape
from tests.host_imports import Step, authorize, config_get, config_get_all, log, progress, sql
from tests.wat import Memory

Use = Callable[[Memory, str, str], str]
"""Writes what is done with a text before ``{}`` is answered, given WAT of its address and of its length."""

ABSENT = "absent"
"""What ``answered`` answers when there is no such secret."""


def answered(key: str, *, as_err: bool = False) -> Body:
    """Answer the secret, or ``absent`` when there is none."""
    return _with_value(key, lambda memory, at, size: "", answer=int(as_err))


def answered_late(key: str, before: int) -> Body:
    """Answer ``err`` with many letters and then the secret, so that whoever cuts the text cuts the secret."""

    def use(memory: Memory, at: str, size: str) -> str:
        text = memory.put(b"x" * before + bytes(256))
        failure = memory.words(1, text, before + 16)
        copy = f"(memory.copy (i32.const {text + before}) {at} {size})"
        return f"{copy} (return (i32.const {failure}))"

    return _with_value(key, use)


def logged(key: str, before: str = "") -> Body:
    """Write the secret to the log, with a text before it; then answer ``{}``."""

    def use(memory: Memory, at: str, size: str) -> str:
        context, context_size = memory.text(before)
        return f"(call $host-log (i32.const 2) (i32.const {context}) (i32.const {context_size}) {at} {size})"

    return _with_value(key, use, log(""))


def reported(key: str) -> Body:
    """Report the secret as progress; then answer ``{}``."""

    def use(memory: Memory, at: str, size: str) -> str:
        return f"(call $host-report (i32.const 50) {at} {size} (i32.const {memory.put(bytes(16))}))"

    return _with_value(key, use, progress(1, ""))


def stored(key: str, statement: str) -> Body:
    """Pass the secret as the one parameter of a statement; answer ``{}``, or the host's ``err`` as one of its own."""

    def use(memory: Memory, at: str, size: str) -> str:
        database, text = memory.text("default"), memory.text(statement)
        param, answer = memory.put((5).to_bytes(16, "little")), memory.put(bytes(32))  # case 5 of the variant: text
        failure = memory.words(1, 0, 0)
        words = " ".join(f"(i32.const {word})" for word in (*database, *text, param, 1, answer))
        return f"""
      (i32.store (i32.const {param + 8}) {at})
      (i32.store (i32.const {param + 12}) {size})
      (call $host-execute {words})
      (if (i32.load8_u (i32.const {answer})) (then
        (i64.store align=4 (i32.const {failure + 4}) (i64.load (i32.const {answer + 8})))
        (return (i32.const {failure}))))"""

    return _with_value(key, use, sql("SELECT 1"))


def asked_about(key: str) -> Body:
    """Ask whether the user has a permission that is called like the secret; then answer ``{}``."""

    def use(memory: Memory, at: str, size: str) -> str:
        pair, answer = memory.put(bytes(8)), memory.put(bytes(16))
        words = " ".join(f"(i32.const {word})" for word in (*memory.text("{}"), 0, 0, 0, 0, pair, 1, answer))
        listed = f"(i32.store (i32.const {pair}) {at}) (i32.store (i32.const {pair + 4}) {size})"
        return f"{listed} (call $host-authorize {words})"

    return _with_value(key, use, authorize("x"))


def crashed(key: str) -> Body:
    """Write the secret to the log, as a panic does, and crash."""

    def use(memory: Memory, at: str, size: str) -> str:
        return f"(call $host-log (i32.const 4) (i32.const 0) (i32.const 0) {at} {size}) unreachable"

    return _with_value(key, use, log(""))


def read_again(key: str, times: int) -> Body:
    """Read the secret so many times, whatever comes of it, then answer ``{}``."""

    def body(memory: Memory, shape: Shape) -> tuple[str, tuple[Step, ...]]:
        name, size = memory.text(key)
        read = f"(call $host-get (i32.const {name}) (i32.const {size}) (i32.const {memory.put(bytes(16))}))\n"
        return f"{read * times} (i32.const {memory.words(0, *memory.text('{}'))})", (config_get(""),)

    return body


def first_of_all() -> Body:
    """Answer the value of the first secret that there is, in the order of the host."""

    def body(memory: Memory, shape: Shape) -> tuple[str, tuple[Step, ...]]:
        found, answer = memory.put(bytes(16)), memory.put(bytes(16))
        pair = f"(i32.load (i32.const {found + 4}))"
        return (
            f"""(call $host-get-all (i32.const {found}))
      (i32.store (i32.const {answer + 4}) (i32.load offset=8 {pair}))
      (i32.store (i32.const {answer + 8}) (i32.load offset=12 {pair}))
      (i32.const {answer})""",
            (config_get_all(),),
        )

    return body


def _with_value(key: str, use: Use, *steps: Step, answer: int | None = None) -> Body:
    """Read a secret and use it; ``answer`` 0 or 1 then answers it as ok or err, and nothing answers ``{}``."""

    def body(memory: Memory, shape: Shape) -> tuple[str, tuple[Step, ...]]:
        read, out = memory.put(bytes(16)), memory.put(bytes(16))
        at, size = (f"(i32.load (i32.const {read + offset}))" for offset in (8, 12))
        told = (at, size) if answer is not None else tuple(f"(i32.const {word})" for word in memory.text("{}"))
        absent = memory.words(0, *memory.text(ABSENT))
        name, name_size = memory.text(key)
        code = f"""
      (call $host-get (i32.const {name}) (i32.const {name_size}) (i32.const {read}))
      (if (i32.load8_u (i32.const {read})) (then
        (i32.store8 (i32.const {out}) (i32.const 1))
        (i64.store align=4 (i32.const {out + 4}) (i64.load align=4 (i32.const {read + 8})))
        (return (i32.const {out}))))
      (if (i32.eqz (i32.load8_u (i32.const {read + 4}))) (then (return (i32.const {absent}))))
      {use(memory, at, size)}
      (i32.store8 (i32.const {out}) (i32.const {answer or 0}))
      (i32.store (i32.const {out + 4}) {told[0]})
      (i32.store (i32.const {out + 8}) {told[1]})
      (i32.const {out})"""
        return code, (config_get(""), *steps)

    return body
