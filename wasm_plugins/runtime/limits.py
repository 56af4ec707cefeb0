"""What one call may spend, and what compiling may."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one call may spend. The defaults let the largest ordinary plugin in, one made by componentize-py."""

    deadline_ms: int = 1_000
    """Wall-clock budget in milliseconds, counted from instantiation. At least 1."""

    memory_bytes: int = 64 * MIB
    """Largest size of each linear memory, in bytes. A growing plugin sees ``memory.grow`` answer -1."""

    memories: int = 4
    """Linear memories that one call may have, since ``memory_bytes`` is for each of them."""

    instances: int = 64
    """Core instances that one call may have. A Python plugin needs 38."""

    tables: int = 8
    """Tables that one call may have."""

    table_elements: int = 20_000
    """Elements that each table may have, 8 bytes each. A JavaScript plugin needs 7,691."""

    depth: int = 4
    """Calls that may be open inside one another: plugin, host, plugin, and so on."""

    concurrent_calls: int = 4
    """Calls of the plugin that may run at once in one process; counted by the host, not by the sandbox."""

    log_bytes: int = 64 * 1024
    """Text that one call may write to its log, in bytes; what comes after is dropped and marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompileLimits:
    """What compiling one component may spend in its child process."""

    component_bytes: int = 32 * MIB
    """Largest component, in bytes."""

    artifact_bytes: int = 128 * MIB
    """Largest compiled code, in bytes."""

    cpu_s: int = 60
    """Processor time, in seconds. A Python plugin needs 12 to 15."""

    wall_s: int = 90
    """Wall-clock time, in seconds."""

    memory_bytes: int = 3 * 1024 * MIB
    """Address space, in bytes."""
