"""What one exchange may reach and use."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from ...runtime.wasi.http_types import HttpFailed
from .addresses import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an exchange may take."""

    deadline_at: float
    """When it must be over, on ``time.monotonic()``'s clock."""

    connect_s: float
    """Seconds for finding the addresses, and again for connecting, and again for agreeing on encryption."""

    first_byte_s: float = float("inf")
    """Seconds for the first bytes to come."""

    between_bytes_s: float = float("inf")
    """Seconds for the next bytes to come."""

    def left_s(self, most_s: float, failure: str) -> float:
        """Return seconds to wait for one operation: ``most_s``, or what is left.

        Raises:
            HttpFailed: Nothing is left.
        """
        left = min(self.deadline_at - time.monotonic(), most_s)
        if left <= 0:
            raise HttpFailed(failure)
        return left


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """All that limits one exchange, beside where it may go."""

    patience: Patience

    plugin: str
    """Who sends."""

    response_bytes: int
    """Largest body of the response, in bytes."""

    private: Sequence[Network] = ()
    """Networks that are not public and allowed all the same."""
