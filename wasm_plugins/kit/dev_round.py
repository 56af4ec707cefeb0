"""One round of ``wasm-plugins dev``: from a changed source to a version that the server has taken."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from wasm_plugins.exceptions import PluginError
from wasm_plugins.kit.build import build
from wasm_plugins.kit.check import checked
from wasm_plugins.kit.failures import KitError
from wasm_plugins.kit.output import show_error
from wasm_plugins.kit.project import Project
from wasm_plugins.kit.server import STANDING, Server
from wasm_plugins.kit.server_report import report_lines, route_lines, standing_line
from wasm_plugins.kit.upload import send
from wasm_plugins.runtime.log import printable


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
        """Do it once, show what came of it, and tell whether it went well; what an author can mend is not raised."""
        try:
            return self._go()
        except (KitError, PluginError) as error:
            return self._failed(error.code, str(error))
        except OSError as error:
            return self._failed("os-error", f"{error.filename}: {error.strerror}" if error.filename else str(error))
        except ValueError as error:
            return self._failed("refused", str(error))

    def _go(self) -> bool:
        begun = time.monotonic()
        output = build(self._project, is_quiet=self._as_json)
        data = checked(output)
        built = time.monotonic()
        self.name = data["plugin"]
        if data["digest"] == self._sent:
            unchanged = {"round": "unchanged", "digest": self._sent}
            self._show(unchanged, ["built the same bytes as before: nothing is sent"])
            return True
        answer = send(self._server, data["plugin"], output.read_bytes())
        *found, standing = report_lines(answer, self._server.site)
        problem = self._enable(data["plugin"], answer) if self._is_enabling else None
        if self._is_enabling and problem is None:
            standing = standing_line(answer, answer["report"])
        self._sent = data["digest"] if problem is None else ""  # or nothing would be tried again
        told = _seconds(build_s=built - begun, upload_s=time.monotonic() - built, round_s=time.monotonic() - begun)
        lines = [*(f"advice: {each}" for each in data["advice"]), *found, standing]
        lines += route_lines(answer["report"], self._server.site)
        lines.append(f"{told['round_s']} s: built in {told['build_s']} s, on the server in {told['upload_s']} s")
        self._show({"round": "uploaded", **answer, "advice": data["advice"], **told}, lines)
        return problem is None or self._failed(problem.code, f"not enabled: {problem}")

    def _enable(self, name: str, answer: dict[str, Any]) -> KitError | None:
        """Have the version serve, and put how the plugin stands now into the answer; return why the server does not."""
        try:
            now = self._server.enable(name, answer["report"]["version"], is_granting=self._is_granting)
        except KitError as error:
            return error
        answer |= {key: now[key] for key in STANDING} | {"report": now["current"]}
        return None

    def _failed(self, code: str, message: str) -> bool:
        if self._as_json:
            self._show({"round": "failed", "error": {"code": code, "message": message}}, [])
        else:
            show_error(code, message, as_json=False)
        return False

    def _show(self, data: Mapping[str, Any], lines: Iterable[str]) -> None:
        show_event(data, lines, as_json=self._as_json)


def _seconds(**spent: float) -> dict[str, float]:
    return {name: round(value, 2) for name, value in spent.items()}


def show_event(data: Mapping[str, Any], lines: Iterable[str], *, as_json: bool) -> None:
    """Print what happened at once, as one line of JSON or as text."""
    print(json.dumps(data) if as_json else "\n".join(printable(line) for line in lines), flush=True)
