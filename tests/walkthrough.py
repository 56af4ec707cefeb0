"""Does what a page of the documentation says: writes its files, runs its commands, compares what they print.

A block that begins with a comment such as ``# shop/models.py`` is that file; with ``, at the end`` it is added to it.
A block ``sh`` is run, ``diff`` is applied, other ``python`` is typed into ``manage.py shell``; ``text`` is what was
printed last, where … stands for anything and lines may be missing. What is none of these is a failure.
"""

from __future__ import annotations

import os
import re
import resource
import shlex
import subprocess
import time
from pathlib import Path
from typing import Final

from tests.pages import blocks

CHECKOUT: Final = "django-wasm-plugins"
"""What pages call the folder of this repository."""

_FILE: Final = re.compile(r"(?:#|//|--) ([\w./-]+\.\w+)(, at the end)?\n")
_NOT_INHERITED: Final = ("SHOP_", "TEST_", "DJANGO_", "WASM_PLUGINS_", "PYTHON", "PYTEST", "VIRTUAL_ENV")


class Walkthrough:
    """A shell in an empty folder beside a checkout.

    Attributes:
        printed: What was printed in it last.
        seconds: How long each page took, by its name.
        processor_seconds: How long processors worked for it.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder: Final = folder
        self.printed = ""
        self.seconds: Final[dict[str, float]] = {}
        self.processor_seconds: Final[dict[str, float]] = {}
        self._state: Final = folder / "state.sh"
        (folder / CHECKOUT).symlink_to(root)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_INHERITED)}
        downloads = inherited.get("PIP_CACHE_DIR") or str(Path.home() / ".cache" / "pip")
        self._environment: Final = {
            **inherited,
            "PIP_CACHE_DIR": downloads,
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "NPM_CONFIG_PREFER_OFFLINE": "true",
            "XDG_CACHE_HOME": str(folder / "cache"),
        }
        self._state.write_text(f"cd {shlex.quote(str(folder))}\n")

    def follow(self, page: Path) -> None:
        """Do all that a page says, from its beginning to its end, and note how long that takes."""
        began_at, spent = time.monotonic(), _processor_seconds()
        for language, text in blocks(page):
            match language, _FILE.match(text):
                case "sh", None:
                    self.run(text)
                case "text", None:
                    self._compare(text)
                case "diff", None:
                    self.run(f"git apply -p0 <<'END'\n{text}END\n")
                case "python", None:
                    self.run(f"python manage.py shell <<'END'\n{text}END\n")
                case _, re.Match() as named:
                    self._write(named[1], text, is_added=named[2] is not None)
                case _:
                    raise AssertionError(f"{page.name}: nothing can be done with this {language}:\n{text}")
        self.seconds[page.stem] = time.monotonic() - began_at
        self.processor_seconds[page.stem] = _processor_seconds() - spent

    def run(self, script: str) -> None:
        """Run commands where the last ones ended, with their variables; each has to succeed."""
        keep = f'{{ echo "cd $(printf %q "$PWD")"; export -p; }} > {shlex.quote(str(self._state))}'
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", f"source {shlex.quote(str(self._state))}\n{script}\n{keep}"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        self.printed = done.stdout
        assert done.returncode == 0, f"{script}\nended with status {done.returncode}:\n{self.printed}"

    def _write(self, path: str, text: str, *, is_added: bool) -> None:
        file = self._here() / path
        if is_added:
            text = f"{file.read_text()}\n{text}"
        file.write_text(text)

    def _here(self) -> Path:
        return Path(shlex.split(self._state.read_text().splitlines()[0])[1])

    def _compare(self, text: str) -> None:
        wanted = [re.escape(" ".join(line.split())).replace("…", ".*") for line in text.splitlines()]
        printed = [" ".join(line.split()) for line in self.printed.splitlines()]
        left = iter(printed)
        for line in wanted:
            assert any(re.fullmatch(line, each) for each in left), f"not printed: {line}\nbut:\n{self.printed}"


def _processor_seconds() -> float:
    """Return what all commands so far spent."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
