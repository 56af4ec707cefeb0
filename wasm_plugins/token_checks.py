"""System check of how long tokens of the HTTP API are good."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.checks import CheckMessage, Error

from .conf import PREFIX, conf


def check_tokens() -> Iterator[CheckMessage]:
    """Check that no token is made for longer than it may live; that both are numbers is checked elsewhere."""
    days, most = conf.API_TOKEN_DAYS, conf.API_TOKEN_MAX_DAYS
    if isinstance(days, int) and isinstance(most, int) and days > most >= 1:
        yield Error(
            f"{PREFIX}API_TOKEN_DAYS is {days}, but {PREFIX}API_TOKEN_MAX_DAYS lets a token live for {most}.",
            hint="Lower the first, or raise the second.",
            id="wasm_plugins.E090",
        )
