"""``python -m tests.fuzz``: fuzz every target for its share of the time, one after another, and say what came of it."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

NAMES: Final = ("sections", "toml", "manifest", "scope", "sql", "body")
_RUNS: Final = re.compile(r"Done (\d+) runs")


def main() -> int:
    """Run them all; return 1 if a target failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="time for all targets together (default: 60)")
    parser.add_argument("--folder", type=Path, default=Path("var/fuzz"), help="keeps inputs that were found")
    arguments = parser.parse_args()
    share_s = max(1, arguments.seconds // len(NAMES))
    failed = [name for name in NAMES if not _passes(name, share_s, arguments.folder)]
    print(f"{len(NAMES) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


def _passes(name: str, seconds: int, folder: Path) -> bool:
    print(f"{name:<12}", end="", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.one", name, str(seconds), str(folder)],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    runs = _RUNS.search(done.stderr)
    if done.returncode == 0 and runs:
        print(f"{int(runs[1]):>9,} inputs, none that it does not refuse properly")
        return True
    print(f"FAILED with code {done.returncode}; the input is in {folder}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return False


if __name__ == "__main__":
    sys.exit(main())
