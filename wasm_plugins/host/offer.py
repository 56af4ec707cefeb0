"""Makes a host interface out of functions and the types of the contract, for the files beside this one."""

from __future__ import annotations

from ..runtime.offer import offer

__all__ = ["offer"]
