"""Sends requests by a real component and this app's own exchange, to peers and resolvers of a test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from wasmtime import component as wc

from wasm_plugins.host import host_interfaces
from wasm_plugins.host.configuration import Configuration
from wasm_plugins.host.context import CallContext
from wasm_plugins.host.http.exchange import HttpExchange
from wasm_plugins.host.http.transport import Transport
from wasm_plugins.host.session import Session
from wasm_plugins.runtime import sandbox
from wasm_plugins.runtime.component import Component
from wasm_plugins.runtime.engine import get_runtime
from wasm_plugins.runtime.limits import Limits
from wasm_plugins.runtime.linker import LinkedComponent
from wasm_plugins.runtime.log import CallLog
from wasm_plugins.runtime.redaction import Redactor
from wasm_plugins.runtime.wasi.http import http_interfaces

FETCHER: Final = (Path(__file__).parent / "fetcher" / "fetcher.wasm").read_bytes()

Outcome = dict[str, Any]
"""What came of a step: ``status``, ``headers``, ``body`` and ``size``, or ``error``, ``header`` or ``refused``."""


@cache
def _component() -> Component:
    return Component(wc.Component(get_runtime().engine, FETCHER))


def linked_to(transport: Transport | None = None) -> LinkedComponent:
    """Return the fetcher, linked to the host with a transport of the test's own."""
    interfaces = {each.name: each for each in http_interfaces(HttpExchange(transport))}
    return LinkedComponent(_component(), {**host_interfaces(), **interfaces})


def granted(*hosts: str, **flags: bool) -> dict[str, Any]:
    """Return the grant of some hosts, in private networks too, where the peers of tests are."""
    return {"http": {"hosts": list(hosts), "private": True, **flags}}


def fetch(
    *steps: Mapping[str, Any],
    grants: Mapping[str, Any],
    transport: Transport | None = None,
    limits: Limits | None = None,
    log: CallLog | None = None,
) -> list[Outcome]:
    """Take steps in one call that has used no database, and return what came of each."""
    session = Session("default", owns_transaction=True, held_nothing=True)
    configuration = Configuration(1, "fetcher", Redactor())
    context = CallContext(
        plugin="fetcher", version=1, grants=grants, user=None, session=session, configuration=configuration
    )
    outcomes: list[Outcome] = json.loads(
        sandbox.call(
            linked_to(transport),
            "fetch",
            [json.dumps({"steps": steps})],
            limits=limits or Limits(deadline_ms=20_000),
            host=context,
            log=log or CallLog(65_536),
        )
    )
    return outcomes


def get(authority: str, path: str = "/", *, scheme: str = "http", **more: Any) -> dict[str, Any]:
    """Return the step that sends a request."""
    return {"scheme": scheme, "authority": authority, "path": path, **more}
