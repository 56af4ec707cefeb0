"""Another process of the fleet that calls plugins when a test asks it to, and says what came of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

_SCRIPT: Final = """
import sys, django
django.setup()
from wasm_plugins import get_plugin_manager
from wasm_plugins.exceptions import PluginError
hook, deadline_ms = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
for line in sys.stdin:
    try:
        values = get_plugin_manager().call_hook_dynamic(hook, 1, "", deadline_ms=deadline_ms).values
    except PluginError as error:
        print(error.code, flush=True)
    else:
        print(",".join(values), flush=True)
"""


@contextmanager
def another_process(
    environment: Mapping[str, str], hook: str, *, deadline_ms: int = 20_000
) -> Iterator[Callable[[], str]]:
    """Run a process until the block ends, and return how to ask it.

    Args:
        environment: Where its database and servers are: the fixture ``child_environment``.
        hook: What it calls, with ``(1, "")``.
        deadline_ms: How long each plugin may take to answer, in milliseconds.

    Returns:
        A function that has the hook called, and returns the values joined by commas or the code of the error.
    """
    with subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, hook, str(deadline_ms)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(environment),
        cwd=os.getcwd(),
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        commands, answers = child.stdin, child.stdout

        def ask() -> str:
            print("ask", file=commands, flush=True)
            return answers.readline().strip()

        assert answers.readline().strip() == "ready"
        try:
            yield ask
        finally:
            commands.close()
