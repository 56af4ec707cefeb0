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
    """Largest size of all linear memories of one call together, in bytes; each may have an equal share.

    A growing plugin sees ``memory.grow`` answer -1.
    """

    memories: int = 4
    """Linear memories that one call may have. A JavaScript plugin needs 3, most others 1."""

    instances: int = 64
    """Core instances that one call may have. A Python plugin needs 38."""

    tables: int = 8
    """Tables that one call may have."""

    table_elements: int = 20_000
    """Elements that each table may have, 8 bytes each. A JavaScript plugin needs 7,691."""

    depth: int = 4
    """Calls that may be open inside one another: plugin, host, plugin, and so on."""

    log_bytes: int = 64 * 1024
    """Text that one call may write to its log, in bytes; what comes after is dropped and marked."""

    log_lines: int = 200
    """Lines that one call may write to its log, the mark of a truncated one among them."""

    argument_bytes: int = 4 * MIB
    """What the arguments of one call may weigh together, in bytes, as ``layout`` weighs values."""

    result_bytes: int = 8 * MIB
    """What the answer of one call may weigh, in bytes. It is checked before anything of it becomes Python."""

    host_calls: int = 10_000
    """Calls of host functions in one call."""

    moved_bytes: int = 32 * MIB
    """What the arguments and answers of all host functions may weigh together in one call, in bytes."""

    sql_statements: int = 50
    """SQL statements in one call."""

    sql_rows: int = 1_000
    """Rows that one SQL statement may answer."""

    http_requests: int = 8
    """Outbound HTTP requests in one call."""

    http_body_bytes: int = 1 * MIB
    """Largest body of an outbound HTTP request, and of its response, in bytes."""

    keyvalue_keys: int = 10_000
    """Keys that one plugin may keep, in all its buckets together."""

    keyvalue_bytes: int = 10 * MIB
    """What they and their values may have together, in bytes."""

    keyvalue_key_bytes: int = 256
    """Longest key, in bytes of UTF-8."""

    keyvalue_value_bytes: int = 256 * 1024
    """Largest value, in bytes."""

    concurrent_calls: int = 4
    """Calls of one plugin that may run at the same time in one process; there is no queue."""


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
