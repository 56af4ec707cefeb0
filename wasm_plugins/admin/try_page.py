"""What the page of a trial shows of what came of it."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ..exceptions import PluginError, PluginTrapped
from ..routes import status_of
from ..runtime.json_values import to_json
from ..trial import Trial
from ..tuning import LIMITS, in_words
from .plain_text import bounded, pretty
from .spent import Spent, spent_rows

_TEXTS = ("text/", "application/json", "application/problem+json")


def trial_context(trial: Trial, *, is_route: bool) -> dict[str, Any]:
    """Return what the template shows of a trial; every text in it is a plugin's, bounded, and escaped there."""
    shown: dict[str, Any] = {
        "trial": trial,
        "elapsed": f"{trial.elapsed_ms:.1f} ms",
        "log_text": bounded("\n".join(f"{line.level}: {line.text}" for line in trial.log)),
        "statements": [
            (bounded(each.sql), bounded(each.outcome), each.elapsed_ms) for each in trial.witness.statements
        ],
        "statement_count": trial.used.get("sql_statements", (0, 0))[0],
        "host_calls": sorted(trial.witness.calls.items()),
        "progress": [(percent, bounded(message)) for percent, message in trial.progress],
        "spent": [*_memory(trial), *spent_rows(trial.used)],
    }
    if trial.error is not None:
        return shown | _error(trial.error, is_route=is_route)
    if isinstance(trial.answer, HttpResponse):
        return shown | _response(trial.answer)
    text = trial.answer if isinstance(trial.answer, str) else json.dumps(to_json(trial.answer), ensure_ascii=False)
    return shown | {"answer_text": pretty(text)}


def _error(error: PluginError, *, is_route: bool) -> dict[str, Any]:
    return {
        "error_code": error.code,
        "error_text": bounded(error.message),
        "error_status": status_of(error) if is_route else None,
        "backtrace": bounded(error.backtrace) if isinstance(error, PluginTrapped) else "",
    }


def _response(response: HttpResponse) -> dict[str, Any]:
    content_type = response.headers.get("Content-Type", "")
    if content_type.startswith(_TEXTS):
        body = pretty(response.content.decode(errors="replace"))
    else:
        body = _("%(size)d bytes") % {"size": len(response.content)}
    return {
        "answer_status": response.status_code,
        "answer_headers": sorted(response.items()),
        "answer_text": body,
    }


def _memory(trial: Trial) -> list[Spent]:
    """Return the row of the memory, where it was measured."""
    if trial.memory is None:
        return []
    name, (enough, limit) = "memory_bytes", trial.memory
    used = _("at most %(number)s") % {"number": in_words(name, enough)}
    label = capfirst(str(LIMITS[name].label))
    return [Spent(name, label, used, in_words(name, limit), round(100 * enough / limit))]
