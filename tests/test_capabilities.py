"""Which imports ask for which capabilities."""

from __future__ import annotations

import pytest

from wasm_plugins.capabilities import (
    AUTHORIZATION,
    CAPABILITIES,
    DATABASE,
    DECLARED,
    HTTP,
    capability_of,
    requested,
    without_version,
)
from wasm_plugins.host import host_interfaces


@pytest.mark.parametrize(
    ("interface", "capability"),
    [
        ("plugins-manager:transactions-manager/transaction", DATABASE),
        ("plugins-manager:transactions-manager/transaction@2.0.0", DATABASE),
        ("plugins-manager:jwt/authorization", AUTHORIZATION),
        ("plugins-manager:common/types", None),
        ("plugins-manager:tasks/progress", None),
        ("plugins-manager:tasks/run", None),
        ("wasi:logging/logging", None),
        ("wasi:io/poll@0.2.9", None),
        ("wasi:http/types@0.2.12", HTTP),
        ("wasi:http/outgoing-handler@0.2.0", HTTP),
        ("nobody:knows/this", None),
    ],
)
def test_an_interface_needs_its_capability_or_none(interface: str, capability: str | None) -> None:
    assert capability_of(interface) == capability


@pytest.mark.parametrize(
    ("full", "bare"), [("wasi:io/poll@0.2.9", "wasi:io/poll"), ("wasi:io/poll", "wasi:io/poll"), ("", "")]
)
def test_a_version_is_no_part_of_the_name(full: str, bare: str) -> None:
    assert without_version(full) == bare


def test_what_a_component_requests_is_sorted_and_named_once() -> None:
    imports = [
        "plugins-manager:transactions-manager/transaction",
        "wasi:io/poll@0.2.9",
        "plugins-manager:jwt/authorization@1.0.0",
        "plugins-manager:jwt/authorization",
    ]
    assert requested(imports) == (AUTHORIZATION, DATABASE)
    assert requested([]) == ()


def test_every_capability_belongs_to_an_interface_of_the_host_or_is_declared() -> None:
    imported = {found for name in host_interfaces() if (found := capability_of(name)) is not None}
    assert set(CAPABILITIES) == imported | DECLARED
    assert not imported & DECLARED
