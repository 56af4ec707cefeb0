"""``wasi:config/store``: the plugin's own settings and secrets."""

from __future__ import annotations

import logging

from django.views.decorators.debug import sensitive_variables

from ..exceptions import SecretUnreadable
from ..runtime.contract import CONFIG_STORE
from ..runtime.offer import offer
from ..runtime.state import CallState
from ..runtime.values import Err, Ok, Variant
from .context import context_of

logger = logging.getLogger(__name__)

_NOBODY_CALLS = Err(Variant("upstream", "not available while the manifest is read"))


@sensitive_variables()
def _get(state: CallState, key: str) -> Ok | Err:
    if state.host is None:
        return _NOBODY_CALLS
    try:
        value = context_of(state).configuration.find(key)
    except SecretUnreadable as error:
        return _unreadable(state, error)
    return Ok(None if value is None else value.reveal())


@sensitive_variables()
def _get_all(state: CallState) -> Ok | Err:
    if state.host is None:
        return _NOBODY_CALLS
    try:
        values = context_of(state).configuration.all()
    except SecretUnreadable as error:
        return _unreadable(state, error)
    return Ok([(key, value.reveal()) for key, value in values.items()])


def _unreadable(state: CallState, error: SecretUnreadable) -> Err:
    """Tell the operator why, once for a call however often it reads, and the plugin only that."""
    configuration = context_of(state).configuration
    if not configuration.is_known_unreadable:
        configuration.is_known_unreadable = True
        logger.error("%s", error)
    return Err(Variant("io", "a secret cannot be read; an operator must set it again"))


# The errors are a variant of the interface's own, so the text that all others answer where nobody calls does not fit.
INTERFACE = offer(CONFIG_STORE, {"get": _get, "get-all": _get_all}, needs_caller=False)
