"""Shows what a plugin writes on a server while it is developed: asks again and again, and shows each entry once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from wasm_plugins.kit.answer_shape import expected_shape
from wasm_plugins.kit.dev_round import show_event
from wasm_plugins.kit.failures import KitError
from wasm_plugins.kit.output import tell
from wasm_plugins.kit.server import Server
from wasm_plugins.kit.server_report import entry_lines

_OVERLAP: Final = timedelta(seconds=10)
"""An entry is written a little after the moment that it has, so the last seconds are asked for again."""

_REMEMBERED: Final = 1_000


class LiveLog:
    """What was shown of a plugin's log, and from when on to ask."""

    def __init__(self, server: Server, now: str, *, as_json: bool) -> None:
        """Show what ends after a moment of the server's clock.

        Raises:
            KitError: That is no moment.
        """
        self._server, self._as_json = server, as_json
        with expected_shape():
            self._begun = self._since = datetime.fromisoformat(now)
        self._shown: OrderedDict[str, None] = OrderedDict()
        self._problem = ""

    def show_new(self, name: str | None) -> None:
        """Show what came since; a server that does not answer is said once and asked again."""
        if name is None:
            return
        try:
            answer = self._server.log(name, self._since.isoformat())
            with expected_shape():
                self._show(answer)
        except KitError as error:
            if str(error) != self._problem:
                tell(f"the log cannot be read: {error}")
            self._problem = str(error)
            return
        self._problem = ""
        while len(self._shown) > _REMEMBERED:
            self._shown.popitem(last=False)

    def _show(self, answer: Mapping[str, Any]) -> None:
        since = max(self._begun, datetime.fromisoformat(answer["now"]) - _OVERLAP)
        for entry in answer["entries"]:
            if entry["id"] not in self._shown:
                self._shown[entry["id"]] = None
                show_event({"log": entry}, entry_lines(entry), as_json=self._as_json)
        self._since = since
