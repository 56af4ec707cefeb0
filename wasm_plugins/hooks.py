"""``@hook``: a function of the project becomes a point where plugins may act."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any, Final, ParamSpec, Protocol, overload

from asgiref.sync import sync_to_async
from django.db import DEFAULT_DB_ALIAS

from .dispatch import HookOptions, Mode, OnError, declare_options
from .manager import get_plugin_manager
from .registry import registry
from .results import HookResults
from .runtime.values import wit_name
from .runtime.wit import Func, ResultOf
from .signatures import declare_hook, hook_type

_Params = ParamSpec("_Params")


class Hook(Protocol[_Params]):
    """A declared hook: called like the function it was made from."""

    name: str
    """As WIT spells it."""

    type: Func
    """What plugins must export."""

    options: HookOptions
    """How it is called."""

    def __call__(self, *args: _Params.args, **kwargs: _Params.kwargs) -> HookResults:
        """Ask every plugin that answers this hook."""
        ...

    async def acall(self, *args: _Params.args, **kwargs: _Params.kwargs) -> HookResults:
        """The same, from async code."""
        ...


@overload
def hook(function: Callable[_Params, Any], /) -> Hook[_Params]: ...


@overload
def hook(
    *,
    name: str | None = None,
    mode: Mode = "all",
    on_error: OnError = "raise",
    using: str = DEFAULT_DB_ALIAS,
    deadline_ms: int | None = None,
) -> Callable[[Callable[_Params, Any]], Hook[_Params]]: ...


def hook(function: Callable[..., Any] | None = None, /, *, name: str | None = None, **options: Any) -> Any:
    """Declare a hook; its annotations are the contract with plugins, its body is never run.

    Args:
        function: The function, where the decorator is used without options.
        name: As WIT spells it; by default the function's name in kebab-case.
        **options: ``mode``, ``on_error``, ``using`` and ``deadline_ms``, as ``HookOptions`` has them.

    Raises:
        TypeError: A parameter's annotation is missing or has no WIT type.
        ValueError: An option is out of range, or another hook has that name and another type.
    """
    checked = HookOptions(**options)
    if function is None:
        return functools.partial(_declare, name=name, options=checked)
    return _declare(function, name=name, options=checked)


def _declare(function: Callable[..., Any], *, name: str | None, options: HookOptions) -> Any:
    wit_spelling = name or wit_name(function.__name__)
    of = hook_type(function)
    is_filter = options.mode == "filter"
    if is_filter and not (of.params and isinstance(of.result, ResultOf) and of.result.ok == of.params[0][1]):
        raise TypeError(f"{function.__qualname__}: a filter must return the type of its first parameter")
    declare_hook(wit_spelling, of)
    declare_options(wit_spelling, options)
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> HookResults:
        # Nobody answers: the common case, and the reason why a hook may stand in a hot path.
        if not is_filter and monotonic() < registry.fresh_until and wit_spelling not in registry.snapshot.hooks:
            return HookResults()
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return get_plugin_manager().call_hook(wit_spelling, bound.args, options)

    call.name, call.type, call.options = wit_spelling, of, options  # type: ignore[attr-defined]
    call.acall = sync_to_async(call, thread_sensitive=True)  # type: ignore[attr-defined]
    _declared_hooks[wit_spelling] = call  # type: ignore[assignment]
    return call


_declared_hooks: Final[dict[str, Hook[Any]]] = {}


def declared_hooks() -> Mapping[str, Hook[Any]]:
    """Return every hook that the project declares, by WIT name in the order of names."""
    return dict(sorted(_declared_hooks.items()))
