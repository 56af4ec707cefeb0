"""One error for a server whose answer has what was asked for in another shape, as one of another release might."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from wasm_plugins.kit.failures import KitError


@contextmanager
def expected_shape() -> Iterator[None]:
    """Read an answer within the block.

    Raises:
        KitError: Something of it lacks, or is of another type.
    """
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError):
        raise KitError("the server answered in another shape: is it of another release?") from None
