"""The report on a version: what it serves, what it wants, and all that verification found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..capabilities import without_version
from ..grants import requested_scopes
from ..manifest import RouteDeclaration
from ..models import PluginVersion
from ..runtime.wasi import wasi_interfaces
from ..trust import load_keys, trust_of
from .offers import WORDS, scope_in_words

_CALLERS: Final[Mapping[str, str | Promise]] = {
    "public": gettext_lazy("anybody"),
    "authenticated": gettext_lazy("whoever is logged in"),
    "staff": gettext_lazy("staff"),
}


def report_of(version: PluginVersion) -> SafeString:
    """Return the report on a version as HTML in which everything that came from its author is escaped."""
    keys = load_keys()
    context: dict[str, Any] = {"version": version, "told": None, "trust": trust_of(version, keys).label}
    context |= {"signed": version.statement, "signer": keys.owner_of(version.signing_key)}
    context["imports"], context["wasi"] = folded(map(str, version.imports))
    if version.manifest is not None:
        told = context["told"] = version.declared
        context["routes"] = [route_in_words(route) for route in told.routes]
        context["wishes"] = [
            {"capability": name, "words": WORDS.get(name, ""), "scope": scope_in_words(scope)}
            for name, scope in requested_scopes(version).items()
        ]
    return render_to_string("wasm_plugins/admin/version_report.html", context)


def route_in_words(route: RouteDeclaration, tuned_access: str = "") -> dict[str, Any]:
    """Return where a route is found, and who may call it: as declared, unless an admin said otherwise."""
    try:
        url = reverse("wasm_plugins:route", args=[route.path.lstrip("/")])
    except NoReverseMatch:  # the project mounts no routes, or under another name
        url = route.path
    access = tuned_access or route.access
    who = _CALLERS.get(access) or _("those with the permission %(name)s") % {"name": access}
    return {"url": url, "methods": route.methods, "who": str(who), "process_as_task": route.process_as_task}


def folded(imports: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the imports that say something about a plugin, and the packages of WASI, which every toolchain imports."""
    told, packages = [], set()
    for name in imports:
        if (bare := without_version(name)) in _wasi_names():
            packages.add(bare.partition("/")[0].removeprefix("wasi:"))
        else:
            told.append(name)
    return told, sorted(packages)


@cache
def _wasi_names() -> frozenset[str]:
    return frozenset(wasi_interfaces())
