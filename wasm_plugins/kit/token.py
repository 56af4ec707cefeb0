"""Where an author's token comes from: the environment, or a file that nobody else can read; never an argument."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final

from wasm_plugins.kit.failures import Usage

VARIABLE: Final = "WASM_PLUGINS_TOKEN"
_MOST_BYTES: Final = 1_024
_FORM: Final = re.compile(r"[!-~]{16,512}", re.ASCII)


def read_token(file: Path | None) -> str:
    """Return the token: from a file if one is named, else from the environment.

    Raises:
        Usage: There is none, it has another form, or others could read the file.
        OSError: The file cannot be read.
    """
    text = os.environ.get(VARIABLE, "") if file is None else _from_file(file)
    token = text.strip()
    if not token:
        raise Usage(f"no token: set {VARIABLE}, or say --token-file FILE; the admin makes one, or plugins token create")
    if not _FORM.fullmatch(token):
        raise Usage(f"what is in {VARIABLE if file is None else file} is no token")
    return token


def _from_file(file: Path) -> str:
    with file.open("rb") as opened:
        status = os.fstat(opened.fileno())
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
            raise Usage(f"{file}: others could read the token: it must be yours alone, chmod 600")
        return opened.read(_MOST_BYTES).decode("ascii", "replace")
