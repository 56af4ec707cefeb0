"""The probe, compiled once."""

from __future__ import annotations

import pytest

from tests.runtime.wasi.probe import PROBE_WAT, Probe, link
from wasm_plugins.runtime.linker import LinkedComponent


@pytest.fixture(scope="session")
def linked_probe() -> LinkedComponent:
    """The probe, joined to WASI; shared, as components are."""
    return link(PROBE_WAT.read_text())


@pytest.fixture
def probe(linked_probe: LinkedComponent) -> Probe:
    """The probe with a log of its own."""
    return Probe(linked_probe)
