"""Says to whoever calls a plugin by hand why it is not called, which a visitor is not told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...exceptions import PluginAsleep
from ...models import Plugin
from ...reasons import why_not_called


def why_silent(name: str) -> str:
    """Return why a plugin is not called and what to do, or an empty text where it is called."""
    plugin = Plugin.objects.select_related("current_version__health").filter(name=name).first()
    return "" if plugin is None else why_not_called(plugin)


@contextmanager
def sleep_explained() -> Iterator[None]:
    """Let a plugin that is asleep be refused with the error that put it there, and with how to wake it.

    Raises:
        PluginAsleep: As the block raised it, with a message that says more.
    """
    try:
        yield
    except PluginAsleep as error:
        if error.plugin is None or not (why := why_silent(error.plugin)):
            raise
        raise PluginAsleep(
            why, retry_after_s=error.retry_after_s, plugin=error.plugin, version=error.version
        ) from error
