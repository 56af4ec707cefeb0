"""Five hostile plugins and one good one, each a page and a task that behave alike."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from tests.components import (
    Body,
    flood,
    grow,
    http_handler,
    json_handler,
    ok,
    ok_response,
    plugin_component,
    sleep,
    spin,
    trap,
)
from tests.components import route as page

GOOD: Final = "good"
PAGE: Final = "page"
TASK: Final = "task"
LATER: Final = "later"
RUN: Final = secrets.token_hex(8)
"""In each component, so that nothing is known of it: an earlier soak was ended while some of them ran, which counts."""

HOSTILE: Final[Mapping[str, Callable[[], Body]]] = {
    "spinner": spin,
    "sleeper": partial(sleep, 3_600),
    "hog": grow,
    "flooder": partial(flood, "x" * 2_000),
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
    toml = f'# {RUN}\n[routes."/{name}/{PAGE}"]\n{public}[routes."/{name}/{LATER}"]\n{public}'
    return plugin_component(
        name,
        routes=[
            page(f"/{name}/{PAGE}", answer),  # type: ignore[arg-type]
            page(f"/{name}/{LATER}", work, name=TASK, process_as_task=True),  # type: ignore[arg-type]
        ],
        toml=toml,
    )
