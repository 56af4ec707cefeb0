"""Runs ``manage.py plugins`` in this process, and returns what it answered."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command


def ran(*arguments: str) -> Any:
    """Run a subcommand with ``--json`` and return its document."""
    out = io.StringIO()
    call_command("plugins", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def failed(*arguments: str) -> tuple[int, Any]:
    """Run a subcommand that fails and return its status and its document."""
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("plugins", *arguments, "--json", stdout=out)
    return caught.value.returncode, json.loads(out.getvalue())


def shown(*arguments: str) -> str:
    """Run a subcommand and return what people read."""
    out = io.StringIO()
    call_command("plugins", *arguments, stdout=out)
    return out.getvalue()
