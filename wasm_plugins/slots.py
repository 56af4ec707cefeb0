"""Places in the host's pages where plugins put fragments: what ``{% plugin_slot %}`` shows."""

from __future__ import annotations

import difflib
import inspect
import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from .caller import acting_user
from .capabilities import HTML
from .conf import PREFIX, conf
from .exceptions import PluginUnavailable
from .failure_text import failure_text
from .fragments import FragmentTangled, html_fragment, text_fragment
from .hooks import Hook, declared_hooks
from .manager import get_plugin_manager
from .registry import find_snapshot
from .results import HookResult
from .runtime.contract import FRAGMENTS
from .runtime.wit import ResultOf

logger = logging.getLogger(__name__)

MODES: Final = ("all", "first")


def find_slot(name: str) -> Hook[Any]:
    """Return the hook that a slot asks.

    Raises:
        ValueError: The project declares no such hook, or it is none for a slot: it must answer a text, or a text or
            nothing, and its mode must be ``all`` or ``first``.
    """
    hooks = declared_hooks()
    hook = hooks.get(name)
    if hook is None:
        close = difflib.get_close_matches(name.replace("_", "-"), hooks, n=1)
        said = f"; did you mean {close[0]}?" if close else ""
        raise ValueError(f"the project declares no hook {name!r:.80}{said}")
    result = hook.type.result
    if not isinstance(result, ResultOf) or result.ok not in FRAGMENTS:
        raise ValueError(f"the hook {name} answers {result}; for a slot it must return str or str | None")
    if hook.options.mode not in MODES:
        raise ValueError(f"the hook {name} has mode {hook.options.mode!r}; for a slot it must be all or first")
    return hook


def render_slot(hook: Hook[Any], arguments: Mapping[str, Any], *, user: Any = None) -> SafeString:
    """Ask the plugins that answer a slot's hook and return their fragments, in order; blocks while they answer.

    A plugin that fails is logged and left out, whatever the hook's ``on_error`` says: the page stays whole.

    Args:
        hook: As ``find_slot`` returns it.
        arguments: The hook's parameters by their names in Python.
        user: Who looks at the page; plugins act for him unless somebody else is acting already.

    Raises:
        TypeError: The arguments are not the hook's parameters.
        Exception: Whatever went wrong in the host, for example a lost database connection.
    """
    bound = inspect.signature(hook).bind(**{name: _plain(value) for name, value in arguments.items()})
    bound.apply_defaults()
    with _acting_for(user):
        results = get_plugin_manager().call_hook(hook.name, bound.args, replace(hook.options, on_error="skip"))
    return mark_safe("".join(_shown(hook.name, results)))  # noqa: S308 - each of them is safe


def _plain(value: Any) -> Any:
    """Return a translation that is made when it is shown as the text that it is now."""
    return str(value) if isinstance(value, Promise) else value


def _acting_for(user: Any) -> AbstractContextManager[None]:
    if user is None or acting_user.get() is not None:
        return nullcontext()
    return get_plugin_manager().acting_as(user)


def _shown(slot: str, results: list[HookResult]) -> Iterator[SafeString]:
    for result in results:
        if isinstance(result.error, PluginUnavailable):
            logger.debug("slot %s: %s", slot, result.error)  # why it sleeps was said when it failed
        elif result.error is not None:
            logger.warning("slot %s: %s", slot, failure_text(result.error))
        elif result.value:
            if (size := len(result.value.encode())) > conf.FRAGMENT_BYTES:
                limit = f"{PREFIX}FRAGMENT_BYTES is {conf.FRAGMENT_BYTES}"
                logger.warning("slot %s: %s answered %d bytes; the limit %s", slot, result.plugin, size, limit)
                continue
            try:
                shown = (html_fragment if _may_be_html(result) else text_fragment)(result.value)
            except FragmentTangled as error:
                logger.warning("slot %s: %s answered %s", slot, result.plugin, error)
                continue
            yield format_html('<div class="plugin-fragment" data-plugin="{}">{}</div>', result.plugin, shown)


def _may_be_html(result: HookResult) -> bool:
    """Tell whether the very version that answered has the capability; a newer snapshot than the call's says less."""
    plugin = find_snapshot().plugins.get(result.plugin)
    return plugin is not None and plugin.version == result.version and HTML in plugin.grants
