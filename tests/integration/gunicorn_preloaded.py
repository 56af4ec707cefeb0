"""The shop for ``gunicorn --preload``: by the time its workers are forked, the engine exists and has run plugins."""

from __future__ import annotations

from contextlib import suppress

from project.wsgi import application
from tests.runtime.components import SPIN, linked
from wasm_plugins.exceptions import DeadlineExceeded
from wasm_plugins.runtime import sandbox
from wasm_plugins.runtime.limits import Limits

__all__ = ["application"]

with suppress(DeadlineExceeded):
    sandbox.call(linked(SPIN), "run", limits=Limits(deadline_ms=50))
