"""Notes with every act by which means it was done, where that was no page: the token of an API request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_means: Final[ContextVar[Mapping[str, str]]] = ContextVar("wasm_plugins_audit_means", default={})  # noqa: B039 - never changed


@contextmanager
def by_token(key: str) -> Iterator[None]:
    """Add a token's key, which is no secret, to the details of every entry of an act that is made in the block."""
    reset = _means.set({"token": key})
    try:
        yield
    finally:
        _means.reset(reset)


def current_means() -> Mapping[str, str]:
    """Return what is to be noted with an act that is done now."""
    return _means.get()
