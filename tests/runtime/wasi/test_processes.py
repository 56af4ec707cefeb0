"""WASI in threads and in forked processes: every call gets its own answer."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.runtime.components import FORKS_ON_PURPOSE
from tests.runtime.wasi.probe import CLOSED, MS, Probe
from wasm_plugins.runtime.linker import LinkedComponent

ROOT = Path(__file__).parents[3]

FORKING = """
import os, sys
from tests.runtime.wasi.probe import PROBE_WAT, Probe, link
from wasm_plugins.exceptions import DeadlineExceeded


def use(probe):
    probe.ask("print", 3)
    assert probe.lines == [("info", "hello")] * 3
    assert probe.ask("sleep", 5_000_000) >= 5_000_000
    assert probe.ask("poll", 5_000_000) == (1 << 32) + 1
    try:
        probe.ask("sleep", 3_600_000_000_000, deadline_ms=50)
    except DeadlineExceeded:
        return
    sys.exit("slept through its deadline")

probe = Probe(link(PROBE_WAT.read_text()))
use(probe)
child = os.fork()
use(probe)
if child:
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_forked_child_goes_on_calling() -> None:
    done = subprocess.run(
        [sys.executable, "-W", FORKS_ON_PURPOSE, "-c", FORKING], cwd=ROOT, timeout=60, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def _call_often(linked: LinkedComponent, thread: int) -> int:
    probe = Probe(linked)
    right = 0
    for call in range(200):
        lines = (thread + call) % 5
        probe.ask("print", lines, deadline_ms=60_000)
        right += probe.lines == [("info", "hello")] * lines
        right += probe.ask("sleep", MS // 10, deadline_ms=60_000) >= MS // 10
        right += probe.ask("read-input", deadline_ms=60_000) == CLOSED
        right += probe.ask("random-size", call, deadline_ms=60_000) == call
    return right


def test_eight_threads_at_once_get_their_own_answers(linked_probe: LinkedComponent) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda thread: _call_often(linked_probe, thread), range(8))
    assert list(answers) == [800] * 8
