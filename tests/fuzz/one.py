"""``python -m tests.fuzz.one NAME SECONDS FOLDER``: search one target for an input that it does not refuse properly."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris


def main(name: str, seconds: str, folder: str) -> None:
    """Fuzz until the time is over; the process ends with another code than 0 where something was found."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.fuzz.settings")
    with atheris.instrument_imports(include=["wasm_plugins"]):
        import django

        django.setup()
        from tests.fuzz.targets import SEEDS, TARGETS

    corpus = Path(folder) / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [f"-max_total_time={seconds}", "-max_len=8192", "-timeout=10", "-rss_limit_mb=2048"]
    atheris.Setup([name, *options, f"-artifact_prefix={folder}/{name}-", str(corpus)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
