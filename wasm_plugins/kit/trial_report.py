"""What came of one call, as data and as lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from wasm_plugins.kit.json_values import is_json, to_json
from wasm_plugins.kit.output import columns, memory_text
from wasm_plugins.kit.targets import Target
from wasm_plugins.kit.trial import Trial
from wasm_plugins.runtime.limits import Limits


def trial_data(target: Target, trial: Trial, limits: Limits) -> dict[str, Any]:
    """Return the report, ready for JSON; what takes bytes or texts of any kind is shown as JSON has it."""
    return {
        "kind": target.kind,
        "name": target.name,
        "answer": shown_answer(target, trial.answer),
        "error": None if trial.error is None else _error(trial),
        "elapsed_ms": round(trial.elapsed_ms, 3),
        "memory_bytes": {"enough": trial.memory_bytes, "limit": limits.memory_bytes},
        "used": {name: {"used": used, "limit": limit} for name, (used, limit) in trial.used.items()},
        "log": [{"level": line.level, "text": line.text} for line in trial.log],
        "progress": [{"percent": percent, "message": message} for percent, message in trial.host.progress],
        "host_calls": [
            {"function": call.function, "args": to_json(list(call.args)), "answer": call.answer}
            for call in trial.host.calls
        ],
    }


def shown_answer(target: Target, answer: Any) -> Any:
    """Return what the plugin answered; a text that is JSON by its contract is shown as what it says."""
    return (
        json.loads(answer) if target.answers_json and isinstance(answer, str) and is_json(answer) else to_json(answer)
    )


def _error(trial: Trial) -> dict[str, Any]:
    assert trial.error is not None
    backtrace = getattr(trial.error, "backtrace", "")
    detail = to_json(getattr(trial.error, "detail", None))
    return {"code": trial.error.code, "message": str(trial.error), "detail": detail, "backtrace": backtrace}


def trial_lines(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield the report for people: the answer first, what it cost last."""
    yield from _answer_lines(data)
    if data["log"]:
        yield "log"
        yield from columns((line["level"], line["text"]) for line in data["log"])
    if data["progress"]:
        yield "progress"
        yield from columns((f"{each['percent']} %", each["message"]) for each in data["progress"])
    if data["host_calls"]:
        yield "asked of the host"
        yield from (f"  {_call_line(each)}" for each in data["host_calls"])
    yield "used"
    yield from columns(_used_rows(data))


def _answer_lines(data: Mapping[str, Any]) -> Iterator[str]:
    if (error := data["error"]) is not None:
        yield f"failed, {error['code']}: {error['message']}"
        yield from (f"  {line}" for line in error["backtrace"].splitlines())
        return
    answer = data["answer"]
    if isinstance(answer, str):
        yield from answer.splitlines() or [""]
    else:
        yield from json.dumps(answer, indent=2, ensure_ascii=False).splitlines()


def _call_line(call: Mapping[str, Any]) -> str:
    args = ", ".join(json.dumps(arg, ensure_ascii=False) for arg in call["args"])
    return f"{call['function'].rpartition('/')[2]}({args})" + (f" → {call['answer']}" if call["answer"] else "")


def _used_rows(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    limit = data["used"].get("deadline_ms", {}).get("limit")
    yield "time", f"{data['elapsed_ms']:.1f} ms" + (f" of {limit:,} ms" if limit else "")
    memory = data["memory_bytes"]
    if memory["enough"] is not None:
        yield "memory", f"at most {memory_text(memory['enough'])} of {memory_text(memory['limit'])}"
    for name, entry in data["used"].items():
        if name != "deadline_ms" and entry["used"]:
            yield name, f"{entry['used']:,} of {entry['limit']:,}"
