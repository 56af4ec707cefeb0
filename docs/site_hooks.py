"""Hooks of MkDocs: pages from outside ``docs/`` join the site, links hold, nothing is loaded from elsewhere."""

from __future__ import annotations

import logging
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parent.parent
DOCS: Final = "docs/"
OUTSIDE: Final = "repository/"
"""Where in the site pages are that lie elsewhere in the repository; below it they keep their paths."""

_LINK: Final = re.compile(r"(?<=\]\()[^)\s#:]+(?=[)#])")
_LOADED: Final = re.compile(
    r"<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\s\"'>]+)"
)

log = logging.getLogger("mkdocs.site_hooks")  # below MkDocs' own, so that --strict counts a warning


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Take in the pages of the navigation that lie outside ``docs/``."""
    for path in _paths(config.nav):
        if path.startswith(OUTSIDE):
            files.append(File.generated(config, path, abs_src_path=str(ROOT / path.removeprefix(OUTSIDE))))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let each link of a page, which is right in the repository, lead to the same page in the site."""
    here = page.file.src_uri
    folder = posixpath.dirname(_in_repository(here))

    def in_site(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, link[0]))
        found = target.removeprefix(DOCS) if target.startswith(DOCS) else OUTSIDE + target
        return posixpath.relpath(found, posixpath.dirname(here))

    return _LINK.sub(in_site, markdown)


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:
    """Warn of whatever a browser would fetch from another place than the site."""
    for address in _LOADED.findall(output):
        log.warning("%s loads %s", page.file.src_uri, address)
    return output


def _in_repository(path: str) -> str:
    return path.removeprefix(OUTSIDE) if path.startswith(OUTSIDE) else DOCS + path


def _paths(nav: Any) -> Iterator[str]:
    """Return the paths in a navigation, whatever they are nested in."""
    if isinstance(nav, str):
        yield nav
    for each in nav.values() if isinstance(nav, dict) else nav if isinstance(nav, list) else ():
        yield from _paths(each)
