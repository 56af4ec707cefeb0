"""``plugins call-hook``: call a hook by hand, in a transaction that is committed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, Final

from django.core.management.base import CommandParser

from ...manager import get_plugin_manager
from ...models import Hook
from ...registry import find_snapshot
from ...results import HookResult
from ...signatures import hook_signatures
from .answer import Answer, Usage, error_data, json_argument, table
from .explaining import sleep_explained, why_silent

HELP: Final = "Call a hook: every enabled plugin that answers it is asked, and what they change stays."


def add_arguments(parser: CommandParser) -> None:
    """Take the hook and its arguments."""
    parser.add_argument("hook", metavar="NAME", help="The hook as WIT spells it, for example order-placed.")
    parser.add_argument("arguments", nargs="*", default=[], metavar="JSON", help="One each, for example 42 '\"gift\"'.")


def run(options: Mapping[str, Any]) -> Answer:
    """Call it."""
    hook = options["hook"]
    _check_known(hook)
    arguments = [json_argument(text, f"argument {at}") for at, text in enumerate(options["arguments"], 1)]
    try:
        with sleep_explained():
            results = get_plugin_manager().call_hook_dynamic(hook, *arguments)
    except (TypeError, ValueError, OverflowError) as error:
        raise Usage(str(error)) from error
    described = [_described(each) for each in results]
    not_asked = _not_asked(hook)
    data = {"hook": hook, "results": described, "not_asked": not_asked}
    lines = [_text(hook, results), *(f"not asked: {each['plugin']}: {each['why']}" for each in not_asked)]
    return Answer(data, "\n".join(lines))


def _check_known(hook: str) -> None:
    """Refuse a hook that neither the project nor any plugin has: most likely it is misspelt."""
    known = sorted({*hook_signatures(), *Hook.objects.filter(is_declared=True).values_list("name", flat=True)})
    if hook in known:
        return
    close = difflib.get_close_matches(hook.replace("_", "-").lower(), known, n=1)
    listed = f"; there are {', '.join(known)}" if known else ""
    raise Usage(f"there is no hook {hook}" + (f"; did you mean {close[0]}?" if close else listed))


def _not_asked(hook: str) -> list[dict[str, str]]:
    """Return the plugins that declare a hook and are not called, each with why."""
    serving = [plugin.name for plugin in find_snapshot().hooks.get(hook, ())]
    rows = Hook.objects.filter(name=hook, is_declared=True).exclude(plugin__name__in=serving)
    names = rows.order_by("plugin__name").values_list("plugin__name", flat=True)
    return [{"plugin": name, "why": why_silent(name) or "its hook is switched off in the admin"} for name in names]


def _described(each: HookResult) -> dict[str, Any]:
    return {
        "plugin": each.plugin,
        "version": each.version,
        "value": _plain(each.value),
        "error": None if each.error is None else error_data(each.error.code, each.error),
        "elapsed_ms": round(each.elapsed_ms, 3),
    }


def _plain(value: Any) -> Any:
    """Return a value that JSON has; bytes and variants are shown as Python writes them."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def _text(hook: str, results: list[HookResult]) -> str:
    if not results:
        return f"No plugin answers {hook} now."
    rows = [
        (each.plugin, each.version, f"{each.elapsed_ms:.1f} ms", each.value if each.error is None else each.error)
        for each in results
    ]
    return table(("PLUGIN", "VERSION", "TIME", "ANSWER"), rows)
