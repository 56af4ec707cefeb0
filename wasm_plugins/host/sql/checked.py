"""What both proofs ask of a statement's text and of its parameters before they look into it."""

from __future__ import annotations

from collections.abc import Collection

from .engine import SqlLimits
from .errors import SqlRefused


def check_text(sql: str, most_bytes: int) -> None:
    """Refuse a text that no parser should see.

    Raises:
        SqlRefused: It is too long, is no Unicode, or holds a NUL character.
    """
    try:
        size = len(sql.encode())
    except UnicodeEncodeError as exc:
        raise SqlRefused("the statement is not valid Unicode text") from exc
    if size > most_bytes:
        raise SqlRefused(f"the statement has {size} bytes; at most {most_bytes} are allowed")
    if "\0" in sql:
        raise SqlRefused("the statement holds a NUL character")


def check_params(used: Collection[str], given: int, limits: SqlLimits) -> None:
    """Refuse parameters that do not fit the placeholders, which are given without their dollar sign.

    Raises:
        SqlRefused: There are too many, or the placeholders are not exactly ``$1`` to ``$<given>``.
    """
    if given > limits.params:
        raise SqlRefused(f"{given} parameters are given; at most {limits.params} are allowed")
    if set(used) != {str(number) for number in range(1, given + 1)}:
        names = ", ".join(f"${name:.10}" for name in sorted(used)[:40]) or "none"
        raise SqlRefused(f"the statement uses {names} and {given} parameters are given; they must be $1 to ${given}")
