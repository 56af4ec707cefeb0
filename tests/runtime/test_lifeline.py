"""Notes of what runs: found by others once the process is gone, however it went."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from wasm_plugins.runtime.lifeline import Lifeline
from wasm_plugins.runtime.running_note import SLOTS

ONE, TWO = "11" * 32, "22" * 32


def buried(folder: Path) -> list[list[str]]:
    """Bury what is dead and return what ran in each."""
    found: list[list[str]] = []

    def tell(digests: object) -> list[str]:
        found.append(list(digests))  # type: ignore[call-overload]
        return found[-1]

    Lifeline(folder).bury(tell)
    return found


def die_in(lifeline: Lifeline, *digests: str) -> None:
    """Fork a process, and kill it while it runs these."""
    ready, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            blocks = [lifeline.running(digest) for digest in digests]
            for block in blocks:
                block.__enter__()
            os.write(told, b"x")
            signal.pause()
        finally:
            os._exit(1)
    os.close(told)
    os.read(ready, 1)
    os.close(ready)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_what_ran_when_a_process_was_killed_is_told_once_and_remembered(tmp_path: Path) -> None:
    lifeline = Lifeline(tmp_path / "running")
    die_in(lifeline, ONE, ONE, TWO)
    assert buried(lifeline.folder) == [[ONE, TWO]]
    assert buried(lifeline.folder) == []
    assert lifeline.deaths_of(ONE) == 1
    die_in(lifeline, ONE)
    buried(lifeline.folder)
    assert (lifeline.deaths_of(ONE), lifeline.deaths_of(TWO)) == (2, 1)
    lifeline.forgive(ONE)
    assert lifeline.deaths_of(ONE) == 0


def test_a_process_that_ends_as_it_should_blames_nothing_that_goes_on_beside(tmp_path: Path) -> None:
    script = f"""
import threading, time
from pathlib import Path
from wasm_plugins.runtime.lifeline import Lifeline

lifelines = [Lifeline(Path({str(tmp_path)!r}) / name) for name in ("busy", "new")]
is_busy = threading.Event()

def load():
    with lifelines[0].running({ONE!r}):
        is_busy.set()
        while True:
            with lifelines[1].running({TWO!r}):
                time.sleep(0.001)

threading.Thread(target=load, daemon=True).start()
is_busy.wait()
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert buried(tmp_path / "busy") == buried(tmp_path / "new") == []


def test_a_full_disk_costs_the_note_and_not_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "write", fail)
    lifeline = Lifeline(tmp_path)
    with lifeline.running(ONE):
        assert list(tmp_path.iterdir()) == []
    assert "no space left" in caplog.text
    monkeypatch.undo()
    monkeypatch.setattr(time, "monotonic", lambda: sys.float_info.max)  # later, there is some again
    with lifeline.running(ONE):
        assert len(list(tmp_path.glob("*.running"))) == 1


def test_threads_that_begin_at_once_note_it_in_one_file(tmp_path: Path) -> None:
    lifeline, threads = Lifeline(tmp_path), 8
    both = threading.Barrier(threads, timeout=30)
    files: list[int] = []

    def call() -> None:
        both.wait()
        with lifeline.running(ONE):
            both.wait()
            files.append(len(list(tmp_path.iterdir())))

    callers = [threading.Thread(target=call) for _ in range(threads)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert files == [1] * threads


def test_a_death_is_forgotten_after_a_day(tmp_path: Path) -> None:
    lifeline = Lifeline(tmp_path)
    die_in(lifeline, ONE)
    buried(tmp_path)
    os.utime(tmp_path / f"{ONE}.deaths", (0, 0))
    assert lifeline.deaths_of(ONE) == 0


def test_a_process_that_lives_is_left_alone_whatever_runs_in_it(tmp_path: Path) -> None:
    lifeline = Lifeline(tmp_path)
    with lifeline.running(ONE):
        assert buried(tmp_path) == []
    assert len(list(tmp_path.glob("*.running"))) == 1


def test_a_process_that_dies_between_calls_is_blamed_on_nobody(tmp_path: Path) -> None:
    lifeline = Lifeline(tmp_path)
    child = os.fork()
    if child == 0:
        with lifeline.running(ONE):
            pass
        os._exit(0)
    os.waitpid(child, 0)
    assert len(list(tmp_path.glob("*.running"))) == 1
    assert buried(tmp_path) == []
    assert list(tmp_path.glob("*.running")) == []


def test_a_forked_process_neither_speaks_for_its_parent_nor_frees_its_lock(tmp_path: Path) -> None:
    lifeline = Lifeline(tmp_path)
    with lifeline.running(ONE):
        die_in(lifeline, TWO)
        assert buried(tmp_path) == [[TWO]]
        with lifeline.running(TWO):
            assert buried(tmp_path) == []


def test_more_calls_than_there_is_room_for_are_not_noted_and_go_on(tmp_path: Path) -> None:
    lifeline = Lifeline(tmp_path)
    blocks = [lifeline.running(ONE) for _ in range(SLOTS + 5)]
    for block in blocks:
        block.__enter__()
    for block in blocks:
        block.__exit__(None, None, None)
    assert ONE not in next(tmp_path.glob("*.running")).read_bytes().hex()


def test_a_folder_that_cannot_be_written_to_keeps_no_call_from_running(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    lifeline = Lifeline(tmp_path / "file" / "running")
    for _ in range(2):
        with lifeline.running(ONE):
            pass
    assert caplog.text.count("nothing is known") == 1
