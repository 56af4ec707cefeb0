"""Rows of an answer as the JSON text that Windmill's ``execute-…-query`` functions give."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from ...runtime.values import Variant
from .errors import SqlRefused


def to_json_rows(columns: Sequence[str], rows: Sequence[Sequence[Variant]]) -> str:
    r"""Write rows as a JSON array of objects, losing nothing.

    null, boolean, integer and real are JSON's own. A numeric is always a string, because most readers take a JSON
    number for a double; so are NaN and the infinities of a real, as PostgreSQL's ``to_json`` writes them. Bytes are
    ``"\\x68656c6c6f"``; dates, times and uuids are strings; json is set in as it is.

    Raises:
        SqlRefused: Two columns have the same name, so that one object could not hold both.
    """
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise SqlRefused(f"two columns are named {repeated[0]!r:.80}; name each with AS, an object holds a name once")
    names = [json.dumps(name, ensure_ascii=False) for name in columns]
    return "[" + ",".join(_object(names, row) for row in rows) + "]"


def _object(names: Sequence[str], row: Sequence[Variant]) -> str:
    return "{" + ",".join(f"{name}:{_spelled(value)}" for name, value in zip(names, row, strict=True)) + "}"


def _spelled(value: Variant) -> str:
    payload = value.payload
    if value.case == "json":
        return str(payload)
    if isinstance(payload, bytes):
        return json.dumps("\\x" + payload.hex())
    if isinstance(payload, float) and not math.isfinite(payload):
        return '"NaN"' if math.isnan(payload) else '"Infinity"' if payload > 0 else '"-Infinity"'
    return json.dumps(payload, ensure_ascii=False)
