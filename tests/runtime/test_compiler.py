"""Compiling in a child process: each bad input has its own answer, and no input can take more than the limits."""

from __future__ import annotations

import os
import random
import time
from dataclasses import replace
from pathlib import Path

import pytest
import wasmtime

from wasm_plugins.exceptions import CompileError
from wasm_plugins.runtime.compiler import PREAMBLE, check_preamble, compile_to
from wasm_plugins.runtime.limits import MIB, CompileLimits

from .components import COUNT, binary

LIMITS = CompileLimits(cpu_s=20, wall_s=30)
CORE = bytes(wasmtime.wat2wasm("(module)"))
_random = random.Random(1)
BAD = {
    "empty": b"",
    "core module": CORE,
    "text": COUNT.encode(),
    "text after spaces": b"\n  (component)",
    "web page": b"<!DOCTYPE html><title>404</title>",
    "random": _random.randbytes(100),
}


def bomb(functions: int, depth: int) -> bytes:
    """Return a component whose nested loops over many locals take a compiler time and memory."""
    locals_ = "(local" + " i32" * 200 + ")"
    body = "".join(
        f"(loop (local.set {at % 200} (i32.add (local.get {at * 7 % 200}) (local.get 0)))" for at in range(depth)
    )
    function = f"(func (param i32) {locals_} {body}{'(br_if 0 (local.get 1)))' * depth})"
    return binary(f"(component (core module {function * functions}))")


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_no_component_is_refused_before_a_compiler_sees_it(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(CompileError):
        compile_to(data, tmp_path / "out", limits=LIMITS)
    assert list(tmp_path.iterdir()) == []


def test_every_kind_of_bad_input_has_its_own_answer() -> None:
    answers = set()
    for data in BAD.values():
        with pytest.raises(CompileError) as caught:
            check_preamble(data)
        answers.add(caught.value.message)
    assert len(answers) == len(BAD) - 1  # the two texts share one


@pytest.mark.parametrize("data", [binary(COUNT)[:-5], PREAMBLE + bytes(50), PREAMBLE + _random.randbytes(100)])
def test_what_only_begins_like_a_component_is_refused_by_the_compiler(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(CompileError) as caught:
        compile_to(data, tmp_path / "out", limits=LIMITS)
    assert caught.value.message.startswith("the compiler refuses it: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("proposal", ["(memory i64 1)", "(memory 1 1 shared)"])
def test_a_proposal_that_is_off_is_refused(proposal: str, tmp_path: Path) -> None:
    with pytest.raises(CompileError):
        compile_to(binary(f"(component (core module {proposal}))"), tmp_path / "out", limits=LIMITS)


def test_a_component_becomes_code(tmp_path: Path) -> None:
    compile_to(binary(COUNT), tmp_path / "out", limits=LIMITS)
    assert (tmp_path / "out").read_bytes().startswith(b"\x7fELF")


LIMITED = {
    "component_bytes": replace(LIMITS, component_bytes=100),
    "cpu_s": replace(LIMITS, cpu_s=1),
    "wall_s": replace(LIMITS, wall_s=1, cpu_s=60),
    "memory_bytes": replace(LIMITS, memory_bytes=250 * MIB),
    "artifact_bytes": replace(LIMITS, artifact_bytes=4_096),
}


@pytest.mark.parametrize("limit", LIMITED)
def test_going_over_a_limit_ends_the_child_and_names_the_limit(limit: str, tmp_path: Path) -> None:
    data = binary(COUNT) if limit in ("component_bytes", "artifact_bytes") else bomb(40, 700)
    started = time.monotonic()
    with pytest.raises(CompileError) as caught:
        compile_to(data, tmp_path / "out", limits=LIMITED[limit])
    assert f"limit {limit}" in caught.value.message
    assert time.monotonic() - started < 25
    compile_to(binary(COUNT), tmp_path / "after", limits=LIMITS)


def test_the_child_gets_nothing_of_the_environment_but_paths(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONSTARTUP", "secret")
    monkeypatch.setenv("DATABASE_PASSWORD", "secret")
    seen = {}

    def run(command: list[str], **options: object) -> None:
        seen.update(options)
        raise RuntimeError

    monkeypatch.setattr("wasm_plugins.runtime.compiler.subprocess.run", run)
    with pytest.raises(RuntimeError):
        compile_to(binary(COUNT), tmp_path / "out", limits=LIMITS)
    assert set(seen["env"]) <= {"PATH", "LD_LIBRARY_PATH", "TMPDIR"}  # type: ignore[call-overload]


def test_a_forked_child_can_compile(tmp_path: Path) -> None:
    compile_to(binary(COUNT), tmp_path / "parent", limits=LIMITS)
    if (child := os.fork()) == 0:
        try:
            compile_to(binary(COUNT), tmp_path / "child", limits=LIMITS)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (tmp_path / "child").exists()
