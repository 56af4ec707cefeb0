"""Five hostile plugins and one good one, each a page and a task that behave alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tests.components import (
    Body,
    Shape,
    grow,
    http_handler,
    json_handler,
    log,
    ok,
    ok_response,
    plugin_component,
    spin,
    trap,
)
from tests.components import route as page
from tests.wat import Memory

GOOD: Final = "good"
PAGE: Final = "page"
TASK: Final = "task"
LATER: Final = "later"


def flood() -> Body:
    """Write to the log for ever."""

    def body(memory: Memory, shape: Shape) -> tuple[str, tuple[object, ...]]:
        step = log("x" * 2_000)
        return f"(loop $again {step.as_wat(memory)} (br $again)) unreachable", (step,)

    return body  # type: ignore[return-value]


HOSTILE: Final[Mapping[str, Callable[[], Body]]] = {
    "spinner": spin,
    "hog": grow,
    "flooder": flood,
    "crasher": trap,
}
"""What each does, by name."""


def good() -> bytes:
    """Return the neighbour that everybody else is measured by."""
    return _plugin(GOOD, http_handler(ok_response(200, "here")), json_handler(ok("{}")))


def hostile(name: str) -> bytes:
    """Return one of the hostile ones."""
    does = HOSTILE[name]
    return _plugin(name, http_handler(does()), json_handler(does()))


def _plugin(name: str, answer: object, work: object) -> bytes:
    public = 'methods = ["GET"]\naccess = "public"\n'
    toml = f'[routes."/{name}/{PAGE}"]\n{public}[routes."/{name}/{LATER}"]\n{public}'
    return plugin_component(
        name,
        routes=[
            page(f"/{name}/{PAGE}", answer),  # type: ignore[arg-type]
            page(f"/{name}/{LATER}", work, name=TASK, process_as_task=True),  # type: ignore[arg-type]
        ],
        toml=toml,
    )
