"""Steps that a test's plugin takes before it answers: calls of the host, with constant arguments."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tests.wat import HostImport, Memory

TRANSACTION = "plugins-manager:transactions-manager/transaction"
AUTHORIZATION = "plugins-manager:jwt/authorization"
PROGRESS = "plugins-manager:tasks/progress"
RUN = "plugins-manager:tasks/run"
CONFIG = "wasi:config/store"
LOGGING = "wasi:logging/logging"
KEYVALUE = "wasi:keyvalue/store@0.2.0-draft2"
ATOMICS = "wasi:keyvalue/atomics@0.2.0-draft2"

Value = None | bool | int | float | str
"""What a step can pass to SQL."""

_DONE = "(result (result (error string)))"
_CASES = ["null", "boolean", "integer", "real", "numeric", "text"]

POLL = "wasi:io/poll@0.2.0"
CLOCK = "wasi:clocks/monotonic-clock@0.2.0"

INTERFACE_ALIASES = {
    POLL: '  (alias export $wasi-io-poll "pollable" (type $pollable))',
    KEYVALUE: """
  (alias export $wasi-keyvalue-store "bucket" (type $kept-bucket))
  (alias export $wasi-keyvalue-store "error" (type $kept-error))""",
}
"""WAT that comes after an imported interface."""

INTERFACE_TYPES = {
    POLL: '    (export "pollable" (type $p (sub resource)))',
    CLOCK: '    (alias outer 1 $pollable (type $p0)) (export "pollable" (type $p (eq $p0)))',
    TRANSACTION: """
    (type $value' (variant (case "null") (case "boolean" bool) (case "integer" s64) (case "real" f64)
      (case "numeric" string) (case "text" string) (case "bytes" (list u8)) (case "date" string)
      (case "time" string) (case "timestamp" string) (case "uuid" string) (case "json" string)))
    (export "value" (type $value (eq $value')))""",
    CONFIG: """
    (type $error' (variant (case "upstream" string) (case "io" string)))
    (export "error" (type $error (eq $error')))""",
    KEYVALUE: """
    (export "bucket" (type $bucket (sub resource)))
    (type $error' (variant (case "no-such-store") (case "access-denied") (case "other" string)))
    (export "error" (type $error (eq $error')))
    (type $keys' (record (field "keys" (list string)) (field "cursor" (option string))))
    (export "key-response" (type $keys (eq $keys')))""",
    ATOMICS: """
    (alias outer 1 $kept-bucket (type $b0)) (export "bucket" (type $b (eq $b0)))
    (alias outer 1 $kept-error (type $e0)) (export "error" (type $e (eq $e0)))""",
    LOGGING: """
    (type $level' (enum "trace" "debug" "info" "warn" "error" "critical"))
    (export "level" (type $level (eq $level')))""",
}
"""WAT of the types inside each imported interface."""


BLOCK = HostImport(POLL, "[method]pollable.block", '(param "self" (borrow $p))', core_params=1)
AFTER = HostImport(
    CLOCK, "subscribe-duration", '(param "when" u64) (result (own $p))', 1, core_type="(param i64) (result i32)"
)
"""How a plugin sleeps: it blocks until a moment has come."""


@dataclass(frozen=True)
class Step:
    """One call of the host; an ``err`` of it becomes the answer of the plugin."""

    imported: HostImport
    arguments: tuple[object, ...] = ()
    """Texts, numbers, and lists of SQL values or of texts, in the order of the parameters."""
    err_at: int | None = 4
    """Offset of the message in the host's answer; ``None`` for a function that answers nothing."""
    may_fail: bool = False
    """Go on after an ``err``."""

    def as_wat(self, memory: Memory) -> str:
        """Write the call; ``$payload-at`` stands for where the plugin's own answer has its payload."""
        given = "".join(f"(i32.const {word}) " for each in self.arguments for word in _words(memory, each))
        if self.err_at is None:
            return f"(call {self.imported.symbol} {given})"
        answer, failure = memory.put(bytes(32)), memory.put(bytes(24))
        call = f"(call {self.imported.symbol} {given}(i32.const {answer}))"
        if self.may_fail:
            return call
        payload = f"(i32.add (i32.const {failure}) (i32.const $payload-at))"
        return f"""{call}
      (if (i32.load8_u (i32.const {answer})) (then
        (i32.store8 (i32.const {failure}) (i32.const 1))
        (i64.store {payload} (i64.load (i32.const {answer + self.err_at})))
        (return (i32.const {failure}))))"""


def sql(statement: str, *params: Value, database: str = "default", may_fail: bool = False) -> Step:
    """Run one changing statement."""
    imported = HostImport(
        TRANSACTION,
        "execute",
        '(param "database" string) (param "sql" string) (param "params" (list $value)) '
        "(result (result u64 (error string)))",
        core_params=7,
    )
    return Step(imported, (database, statement, list(params)), err_at=8, may_fail=may_fail)


def begin(database: str = "default") -> Step:
    """Open a savepoint."""
    return _savepoint("begin", database)


def commit(database: str = "default") -> Step:
    """Release the innermost savepoint."""
    return _savepoint("commit", database)


def rollback(database: str = "default") -> Step:
    """Undo what was done since the innermost savepoint."""
    return _savepoint("rollback", database)


def _savepoint(name: str, database: str) -> Step:
    return Step(HostImport(TRANSACTION, name, f'(param "database" string) {_DONE}', core_params=3), (database,))


def progress(percent: int, message: str, *, may_fail: bool = False) -> Step:
    """Report progress."""
    params = f'(param "percent" u8) (param "message" string) {_DONE}'
    return Step(HostImport(PROGRESS, "report", params, core_params=4), (percent, message), may_fail=may_fail)


IDEMPOTENCY_KEY = HostImport(RUN, "idempotency-key", "(result (result string (error string)))", core_params=1)
ATTEMPT = HostImport(RUN, "attempt", "(result (result u32 (error string)))", core_params=1)


def idempotency_key(*, may_fail: bool = False) -> Step:
    """Ask for the run's idempotency key."""
    return Step(IDEMPOTENCY_KEY, may_fail=may_fail)


def attempt(*, may_fail: bool = False) -> Step:
    """Ask which attempt of the run it is."""
    return Step(ATTEMPT, may_fail=may_fail)


def log(message: str, *, level: int = 2, context: str = "test") -> Step:
    """Write a line to the log; level 2 is ``info``."""
    params = '(param "level" $level) (param "context" string) (param "message" string)'
    return Step(HostImport(LOGGING, "log", params, core_params=5), (level, context, message), err_at=None)


def config_get(key: str, *, may_fail: bool = False) -> Step:
    """Read one value of the configuration, and drop it."""
    params = '(param "key" string) (result (result (option string) (error $error)))'
    return Step(HostImport(CONFIG, "get", params, core_params=3), (key,), err_at=8, may_fail=may_fail)


def config_get_all() -> Step:
    """Read all values of the configuration, and drop them."""
    params = "(result (result (list (tuple string string)) (error $error)))"
    return Step(HostImport(CONFIG, "get-all", params, core_params=1), (), err_at=8)


def authorize(
    *permissions: str, allow_super_admin_auth: bool = False, claims: str = "{}", tenant: str | None = None
) -> Step:
    """Ask whether the caller has permissions."""
    params = (
        '(param "claims" string) (param "allow-super-admin-auth" bool) (param "tenant-id-opt" (option string)) '
        f'(param "permissions" (list string)) {_DONE}'
    )
    imported = HostImport(AUTHORIZATION, "authorize", params, core_params=9)
    asked_tenant = (0, 0, 0) if tenant is None else (1, tenant)
    return Step(imported, (claims, int(allow_super_admin_auth), *asked_tenant, tuple(permissions)))


def _words(memory: Memory, argument: object) -> tuple[int, ...]:
    """Lower one constant argument, as the component model's canonical ABI has it."""
    match argument:
        case str():
            return memory.text(argument)
        case list():
            return memory.put(b"".join(_value(memory, each) for each in argument)), len(argument)
        case tuple():
            return memory.words(*(word for each in argument for word in memory.text(each))), len(argument)
        case int():
            return (argument,)
    raise TypeError(f"{argument!r} cannot be an argument of a step")


def _value(memory: Memory, value: object) -> bytes:
    """Lower one case of the variant ``value``: its number, then at offset 8 its payload."""
    match value:
        case None:
            return struct.pack("<q8x", _CASES.index("null"))
        case bool():
            return struct.pack("<qq", _CASES.index("boolean"), value)
        case int():
            return struct.pack("<qq", _CASES.index("integer"), value)
        case float():
            return struct.pack("<qd", _CASES.index("real"), value)
        case str():
            return struct.pack("<qii", _CASES.index("text"), *memory.text(value))
    raise TypeError(f"{value!r} cannot be a value of a step")
