"""One round of ``wasm-plugins dev``: from a changed source to a version that the server has taken, and how long it took."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from wasm_plugins.exceptions import PluginError
from wasm_plugins.kit.build import build
from wasm_plugins.kit.check import checked
from wasm_plugins.kit.failures import KitError
from wasm_plugins.kit.output import printable, show_error
from wasm_plugins.kit.project import Project
from wasm_plugins.kit.server import Server
from wasm_plugins.kit.server_report import report_lines, route_lines, standing_line
from wasm_plugins.kit.upload import send


class Rounds:
    """Builds, checks, uploads and enables, as often as it is asked to.

    Attributes:
        name: The plugin's name, once a build has told it.
    """

    def __init__(
        self, server: Server, project: Project, *, is_enabling: bool, is_granting: bool, as_json: bool
    ) -> None:
        self.name: str | None = None
        self._server, self._project = server, project
        self._is_enabling, self._is_granting, self._as_json = is_enabling, is_granting, as_json
        self._sent = ""

    def go(self) -> bool:
        """Do it once, show what came of it, and tell whether it went well; nothing that an author can mend is raised."""
        try:
            self._go()
        except (KitError, PluginError) as error:
            return self._failed(error.code, str(error))
        except OSError as error:
            return self._failed("os-error", f"{error.filename}: {error.strerror}" if error.filename else str(error))
        except ValueError as error:
            return self._failed("refused", str(error))
        return True

    def _go(self) -> None:
        begun = time.monotonic()
        output = build(self._project, is_quiet=self._as_json)
        data = checked(output)
        built = time.monotonic()
        self.name = data["plugin"]
        if data["digest"] == self._sent:
            self._show(
                {"round": "unchanged", "digest": self._sent}, ["built the same bytes as before: nothing is sent"]
            )
            return
        answer = send(self._server, data["plugin"], output.read_bytes())
        lines = [*(f"advice: {each}" for each in data["advice"]), *report_lines(answer, self._server.site)]
        if self._is_enabling:
            lines[-1:] = [self._enabled(answer)]
        lines += route_lines(answer["report"], self._server.site)
        self._sent = data["digest"]
        seconds = {"build_s": built - begun, "upload_s": time.monotonic() - built, "round_s": time.monotonic() - begun}
        told = {name: round(value, 2) for name, value in seconds.items()}
        lines.append(f"{told['round_s']} s: built in {told['build_s']} s, on the server in {told['upload_s']} s")
        self._show({"round": "uploaded", **answer, "advice": data["advice"], **told}, lines)

    def _enabled(self, answer: dict[str, Any]) -> str:
        """Have the version serve, put how the plugin stands now into the answer, and say it."""
        report = answer["report"]
        now = self._server.enable(report["plugin"], report["version"], is_granting=self._is_granting)
        answer |= {key: now[key] for key in ("state", "is_enabled", "not_called", "waiting_version")}
        answer["report"] = now["current"]
        return standing_line(answer, now["current"])

    def _failed(self, code: str, message: str) -> bool:
        if self._as_json:
            self._show({"round": "failed", "error": {"code": code, "message": message}}, [])
        else:
            show_error(code, message, as_json=False)
        return False

    def _show(self, data: Mapping[str, Any], lines: Iterable[str]) -> None:
        show_event(data, lines, as_json=self._as_json)


def show_event(data: Mapping[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Print what happened at once, as one line of JSON or as text."""
    print(json.dumps(data) if as_json else "\n".join(printable(line) for line in lines), flush=True)
