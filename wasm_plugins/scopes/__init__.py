"""What the scope of a capability may say, read the same way by whoever grants, uses or writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..capabilities import CAPABILITIES, DATABASE, HTTP, KEYVALUE
from .buckets import BucketGrant
from .hosts import HttpGrant
from .tables import TableGrant


def check_grant(capability: str, scope: Any) -> None:
    """Refuse a grant that could never be used as it is meant.

    Raises:
        ValueError: There is no such capability, or its scope has another shape.
    """
    if capability not in CAPABILITIES:
        raise ValueError(f"there is no capability {capability!r:.80}; there are {', '.join(CAPABILITIES)}")
    if not isinstance(scope, Mapping):
        raise ValueError(f"the scope of {capability} is {type(scope).__name__}, not a JSON object")
    if capability == DATABASE:
        TableGrant.from_scope(scope)
    elif capability == HTTP:
        HttpGrant.from_scope(scope)
    elif capability == KEYVALUE:
        BucketGrant.from_scope(scope)
    elif scope:
        raise ValueError(f"{capability} has no scope, but {next(iter(scope))!r:.80} is given")
