"""Tests of child processes: they are waited for, stopped, and gone when their parent is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from project.stack.parts import PartFailed
from project.stack.processes import running

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal as s, time; s.signal(s.SIGTERM, s.SIG_IGN); print('up', flush=True); time.sleep(60)",
]
PARENT = """
import sys, time
from pathlib import Path
from project.stack.processes import running
sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
with running("child", sleeper, log_path=Path(sys.argv[1])) as child:
    print(child.process.pid, flush=True)
    time.sleep(60)
"""


def test_a_child_is_gone_after_the_block(tmp_path: Path) -> None:
    with running("sleeper", SLEEPER, log_path=tmp_path / "log") as child:
        child.wait_until(lambda: "up" in child.log_path.read_text())
    assert child.process.poll() is not None


def test_a_child_that_ignores_the_stop_signal_is_killed(tmp_path: Path) -> None:
    with running("stubborn", STUBBORN, log_path=tmp_path / "log", grace_s=0.4) as child:
        child.wait_until(lambda: "up" in child.log_path.read_text())
    assert child.process.returncode == -signal.SIGKILL


def test_a_child_that_ends_early_fails_with_its_name_and_log(tmp_path: Path) -> None:
    arguments = [sys.executable, "-c", "print('no such luck'); raise SystemExit(3)"]
    with running("early", arguments, log_path=tmp_path / "log") as child, pytest.raises(PartFailed) as caught:
        child.wait_until(lambda: False)
    assert caught.value.part == "early"
    assert "no such luck" in str(caught.value)


def test_a_child_that_never_gets_ready_fails_in_time(tmp_path: Path) -> None:
    with running("slow", SLEEPER, log_path=tmp_path / "log") as child, pytest.raises(PartFailed):
        child.wait_until(lambda: False, timeout_s=0.2)


def test_a_program_that_is_not_there_fails_with_its_name(tmp_path: Path) -> None:
    with (
        pytest.raises(PartFailed) as caught,
        running("ghost", [tmp_path / "ghost"], log_path=tmp_path / "log"),
    ):
        pass
    assert caught.value.part == "ghost"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a signal for the death of a parent")
def test_a_child_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, tmp_path / "log"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    ) as parent:
        assert parent.stdout is not None
        child_pid = int(parent.stdout.readline())
        parent.kill()
    give_up_at = time.monotonic() + 5
    while _is_alive(child_pid) and time.monotonic() < give_up_at:
        time.sleep(0.02)
    assert not _is_alive(child_pid)


def _is_alive(pid: int) -> bool:
    """Say whether a process runs; one that is dead and not yet collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
