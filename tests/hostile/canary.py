"""A third party in every hostile test: its plugin must answer, its rows must stay, its secret must never be seen."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse

from project.shop.models import Order, Product
from tests.components import ok, plugin_component, text_hook
from tests.installed import install
from wasm_plugins import get_plugin_manager
from wasm_plugins.models import AuditEntry, TaskRun

HOOK: Final = "canary-sings"
PATIENCE_MS: Final = 30_000
"""How long a busy machine may take to let the third party answer, in milliseconds."""

_COMPONENT: Final = plugin_component("canary", hooks={HOOK: text_hook(ok("alive"))})
_leaks: Final[list[str]] = []
"""Addresses whose answers held a secret of those that were planted; the answers themselves would fill the memory."""

_secrets: Final[list[bytes]] = []


class ResponsesSeen:
    """Middleware that looks at what goes out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        if not response.streaming:
            seen = response.content + response.serialize_headers()
            _leaks.extend(request.path for secret in _secrets if secret in seen)
        return response


@dataclass(frozen=True)
class Canary:
    """What was planted."""

    secret: str
    rows: tuple[tuple[Any, dict[str, Any]], ...]
    """Rows of the host with the values that they had."""


def plant() -> Canary:
    """Install the third party's plugin, and give the host rows that hold its secret."""
    secret = f"canary-{secrets.token_hex(8)}"
    _leaks.clear()
    _secrets[:] = [secret.encode()]
    install(_COMPONENT)
    rows = (
        User.objects.create_user(f"c{secrets.token_hex(4)}", email=f"{secret}@canary.test"),
        Product.objects.create(sku=f"canary-{secrets.token_hex(4)}", name=secret, price_cents=1, stock=1),
        Order.objects.create(email=f"{secret}@canary.test", note=secret, total_cents=1),
    )
    return Canary(secret, tuple((row, model_to_dict(row)) for row in rows))


def check(planted: Canary, caplog: pytest.LogCaptureFixture) -> None:
    """Fail where the third party suffered."""
    (result,) = get_plugin_manager().call_hook_dynamic(HOOK, 1, "", deadline_ms=PATIENCE_MS)
    assert result.value == "alive", "the plugin of a third party does not answer any more"
    for row, before in planted.rows:
        row.refresh_from_db()
        assert model_to_dict(row) == before, f"a row of the host has changed: {row!r}"
    assert not _leaks, f"a secret of a third party came out in a response of {_leaks}"
    for place, text in _outputs(caplog):
        assert planted.secret not in text, f"a secret of a third party came out in {place}"


def forget_responses() -> None:
    """Forget what went out so far."""
    _leaks.clear()


def _outputs(caplog: pytest.LogCaptureFixture) -> Iterator[tuple[str, str]]:
    """Yield every text that left the host during the test, with where it was seen."""
    yield "the log", caplog.text
    for entry in AuditEntry.objects.all():
        yield "the audit", f"{entry.subject} {entry.outcome} {entry.details}"
    for run in TaskRun.objects.all():
        yield "a run", f"{run.input} {run.result} {run.error} {run.log} {run.progress_message}"
