"""``plugins call-hook``: call a hook by hand, in a transaction that is committed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from django.core.management.base import CommandParser

from ... import components
from ...exceptions import PluginError
from ...health import loading
from ...manager import get_plugin_manager
from ...models import Hook
from ...registry import find_snapshot
from ...results import HookResult
from ...runtime.wit import Func
from ...signatures import find_hook_type, hook_signatures
from ...typed_text import read_typed
from .answer import Answer, Usage, error_data, table
from .explaining import sleep_explained, why_silent

HELP: Final = "Call a hook: every enabled plugin that answers it is asked, and what they change stays."
_ARGUMENTS: Final = "One each, in JSON, for example 42; a text needs no quotes."


def add_arguments(parser: CommandParser) -> None:
    """Take the hook and its arguments."""
    parser.add_argument("hook", metavar="NAME", help="The hook as WIT spells it, for example order-placed.")
    parser.add_argument("arguments", nargs="*", default=[], metavar="ARGUMENT", help=_ARGUMENTS)


def run(options: Mapping[str, Any]) -> Answer:
    """Call it."""
    hook = options["hook"]
    _check_known(hook)
    try:
        with sleep_explained():
            arguments = _read(hook, options["arguments"])
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


def _read(hook: str, texts: Sequence[str]) -> list[Any]:
    """Return the arguments by the types of the hook; where nobody is asked they have none."""
    of = find_hook_type(hook) or _exported_type(hook)
    if of is None:
        return list(texts)
    if len(texts) != len(of.params):
        raise Usage(f"{hook} is {of}: it takes {len(of.params)} arguments, not {len(texts)}")
    return [read_typed(text, param, name) for text, (name, param) in zip(texts, of.params, strict=True)]


def _exported_type(hook: str) -> Func | None:
    """Return the type by which plugins answer a hook that the project does not declare."""
    for plugin in find_snapshot().hooks.get(hook, ()):
        with suppress(PluginError), loading(plugin):  # the call itself says what is wrong with it
            return components.get_linked(plugin.digest).exports[hook]
    return None


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
