"""What a server said of an upload, for people; all of it is printed so that it steers no terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from wasm_plugins.kit.answer_shape import expected_shape
from wasm_plugins.kit.output import size_text


def report_lines(answer: Mapping[str, Any], site: str) -> list[str]:
    """List the verdict, what was found, what is not granted, and what keeps it from serving.

    Args:
        answer: The server's JSON.
        site: The server, to put before addresses of routes.

    Raises:
        KitError: The answer has another shape; so with the other functions here.
    """
    with expected_shape():
        return list(_report_lines(answer, site))


def standing_line(standing: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """Say whether a version serves, and if not, why."""
    with expected_shape():
        if not report["is_current"]:
            return f"version {report['version']} waits for approval"
        if standing["not_called"]:
            return f"it is not called: {standing['not_called']}"
        return f"version {report['version']} serves"


def route_lines(report: Mapping[str, Any], site: str) -> list[str]:
    """List the addresses of routes."""
    with expected_shape():
        return [f"  {site}{route['url']}" for route in report["serves"]["routes"] if route["url"]]


def entry_lines(entry: Mapping[str, Any]) -> list[str]:
    """List one call or run with what the plugin wrote."""
    with expected_shape():
        return list(_entry_lines(entry))


def _report_lines(answer: Mapping[str, Any], site: str) -> Iterator[str]:
    report = answer["report"]
    known = "" if answer["is_new"] else ", which it had already"
    size = size_text(report["size_bytes"])
    yield f"{site} took {report['plugin']} as version {report['version']}{known}: {size}, {report['digest'][:12]}"
    yield from (f"finding: {each}" for each in report["findings"])
    for wish in report["wishes"]:
        if not wish["is_granted"]:
            yield f"asks for {_wish(wish)}"
    yield standing_line(answer, report)


def _entry_lines(entry: Mapping[str, Any]) -> Iterator[str]:
    moment = str(entry["at"])[11:19]
    took = "" if entry["elapsed_ms"] is None else f" {entry['elapsed_ms']:.1f} ms"
    version = "" if entry["version"] is None else f" (version {entry['version']})"
    yield f"{moment} {entry['export']}{version}: {entry['outcome']}{took}"
    yield from (f"  {line}" for line in entry["log"])
    yield from (f"  ! {line}" for line in entry["error"].splitlines())


def _wish(wish: Mapping[str, Any]) -> str:
    asked = f" {json.dumps(wish['asked'], ensure_ascii=False)}" if wish["asked"] else ""
    if wish["granted"] is None:
        return f"{wish['capability']}{asked}, which is not granted"
    return f"{wish['capability']}{asked}, but is granted {json.dumps(wish['granted'], ensure_ascii=False)}"
