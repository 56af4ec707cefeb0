"""Plugins that use their key-value store: a few acts one after another, and the last one's outcome is the answer.

>>> plugin_component("carts", tasks={"keep": json_handler(keeping(put("k", b"v"), get("k")))})
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.components import Body, Shape
from tests.host_imports import ATOMICS, KEYVALUE
from tests.wat import HostImport, Memory

ABSENT = "absent"
_ERROR = "(error $error)"
_SELF = '(param "self" (borrow $bucket))'
_KEY = '(param "key" string)'

OPEN = HostImport(
    KEYVALUE, "open", f'(param "identifier" string) (result (result (own $bucket) {_ERROR}))', core_params=3
)


@dataclass(frozen=True)
class Act:
    """One call of the store."""

    imported: HostImport
    words: tuple[str | bytes | int | None, ...]
    ok: str
    """WAT that answers what came of it: ``OUT`` is where the host's answer lies, ``ANSWER`` where ours goes."""
    payload_at: int = 4


_DONE = ""
_TEXT = """
  (i32.store (i32.const ANSWER4) (i32.load (i32.const OUT8)))
  (i32.store (i32.const ANSWER8) (i32.load (i32.const OUT12)))"""


def _method(name: str, params: str, result: str, core_params: int) -> HostImport:
    of = f"{_SELF} {params} (result (result {result} {_ERROR}))"
    return HostImport(KEYVALUE, f"[method]bucket.{name}", of, core_params=core_params)


def put(key: str, value: bytes) -> Act:
    """``set``; answers ``done``."""
    return Act(_method("set", f'{_KEY} (param "value" (list u8))', "", 6), (key, value), _DONE)


def get(key: str) -> Act:
    """``get``; answers the value, which must be text, or ``absent``."""
    found = f"(if (i32.load8_u (i32.const OUT4)) (then {_TEXT}) (else ABSENT))"
    return Act(_method("get", _KEY, "(option (list u8))", 4), (key,), found)


def delete(key: str) -> Act:
    """``delete``; answers ``done``."""
    return Act(_method("delete", _KEY, "", 4), (key,), _DONE)


def exists(key: str) -> Act:
    """``exists``; answers ``done`` or ``absent``."""
    found = "(if (i32.eqz (i32.load8_u (i32.const OUT4))) (then ABSENT))"
    return Act(_method("exists", _KEY, "bool", 4), (key,), found)


def first_key(cursor: str | None = None) -> Act:
    """``list-keys``; answers the first key of the page, or ``absent``."""
    first = "(i32.load (i32.const OUT4))"
    found = f"""(if (i32.load (i32.const OUT8)) (then
      (i32.store (i32.const ANSWER4) (i32.load {first}))
      (i32.store (i32.const ANSWER8) (i32.load offset=4 {first}))) (else ABSENT))"""
    of = _method("list-keys", '(param "cursor" (option string))', "$keys", 5)
    return Act(of, (0, 0, 0) if cursor is None else (1, cursor), found)


def increment(key: str, delta: int) -> Act:
    """``increment``; answers ``done``."""
    of = '(param "bucket" (borrow $b)) (param "key" string) (param "delta" s64) (result (result s64 (error $e)))'
    core = "(param i32 i32 i32 i64 i32)"
    imported = HostImport(ATOMICS, "increment", of, 0, core_type=core)
    return Act(imported, (key, f"i64 {delta}"), _DONE, payload_at=8)


def keeping(*acts: Act, bucket: str = "default", spins: bool = False, opens: int = 1) -> Body:
    """Open a bucket and do some acts, whatever comes of all but the last one; then answer that one's, or spin."""

    def body(memory: Memory, shape: Shape) -> tuple[str, tuple[HostImport, ...]]:
        opened = memory.put(bytes(24))
        name, size = memory.text(bucket)
        code = f"(call {OPEN.symbol} (i32.const {name}) (i32.const {size}) (i32.const {opened}))\n" * opens
        code += _refusing(memory, opened, 4)
        for at, act in enumerate(acts):
            code += _called(memory, act, opened, is_last=at == len(acts) - 1)
        ending = "(loop $for-ever (br $for-ever)) unreachable" if spins else ""
        code += ending or f"(i32.const {memory.words(0, *memory.text('done'))})" * (not acts)
        return code, (OPEN, *(act.imported for act in acts))

    return body


def _called(memory: Memory, act: Act, opened: int, *, is_last: bool) -> str:
    out, answer = memory.put(bytes(32)), memory.words(0, *memory.text("done"))
    words = " ".join(_lowered(memory, act.words))
    call = f"(call {act.imported.symbol} (i32.load (i32.const {opened + 4})) {words} (i32.const {out}))\n"
    if not is_last:
        return call
    told = act.ok.replace("ABSENT", _telling(answer, *memory.text(ABSENT)))
    for name, address in (("OUT", out), ("ANSWER", answer)):
        for offset in (12, 8, 4):
            told = told.replace(f"{name}{offset}", str(address + offset))
    return f"{call}{_refusing(memory, out, act.payload_at)}{told}\n(i32.const {answer})"


def _telling(answer: int, at: int, size: int) -> str:
    words = ((answer + 4, at), (answer + 8, size))
    return " ".join(f"(i32.store (i32.const {address}) (i32.const {word}))" for address, word in words)


def _refusing(memory: Memory, out: int, payload_at: int) -> str:
    """Return an error of the store as the plugin's own: its text, or the name of its case."""
    failure = memory.words(1, 0, 0)
    error = out + payload_at
    cases = "".join(
        f"(if (i32.eq (i32.load8_u (i32.const {error})) (i32.const {case})) (then {_telling(failure, at, size)}))"
        for case, (at, size) in enumerate(map(memory.text, ("no-such-store", "access-denied")))
    )
    return f"""
    (if (i32.load8_u (i32.const {out})) (then
      (i32.store (i32.const {failure + 4}) (i32.load (i32.const {error + 4})))
      (i32.store (i32.const {failure + 8}) (i32.load (i32.const {error + 8})))
      {cases}
      (return (i32.const {failure}))))
    """


def _lowered(memory: Memory, words: Sequence[str | bytes | int | None]) -> list[str]:
    lowered = []
    for word in words:
        match word:
            case str() if word.startswith("i64 "):
                lowered.append(f"(i64.const {word[4:]})")
            case str():
                lowered += [f"(i32.const {each})" for each in memory.text(word)]
            case bytes():
                lowered += [f"(i32.const {each})" for each in (memory.put(word), len(word))]
            case int():
                lowered.append(f"(i32.const {word})")
    return lowered
