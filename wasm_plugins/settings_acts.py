"""What is done to the settings of a plugin: checked against its own schema, kept, and noticed by every process."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from .audit import record_act
from .models import Plugin
from .registry import mark_changed
from .settings_schema import VALUES_BYTES, validator
from .settings_values import find_value, has_value, is_secret, leaves

logger = logging.getLogger(__name__)


def schema_of(plugin: Plugin) -> Mapping[str, Any]:
    """Return the schema that the current version declares, or nothing."""
    version = plugin.current_version
    return {} if version is None or version.manifest is None else version.declared.settings


@transaction.atomic
def set_settings(plugin: Plugin, values: Mapping[str, Any], by: AbstractBaseUser | None = None) -> list[str]:
    """Set all settings of a plugin at once; its next call sees them.

    What is stored and not declared by the current version stays: another version may want it again.

    Args:
        plugin: Whose settings.
        values: By the schema of the current version, without secrets; for what is left out, the default holds.
        by: Who wants it, for the log.

    Returns:
        Which settings are other than before, as keys with dots.

    Raises:
        ValueError: The plugin has no settings, or a value does not fit its schema; nothing was changed then.
    """
    plugin = Plugin.objects.select_for_update().get(pk=plugin.pk)
    schema = schema_of(plugin)
    if not schema:
        raise ValueError(f"{plugin.name} has no settings")
    _check(schema, values)
    before = plugin.settings if isinstance(plugin.settings, dict) else {}
    changed = [
        ".".join(path)
        for path, leaf, _ in leaves(schema)
        if not is_secret(leaf)
        and (has_value(before, path), find_value(before, path)) != (has_value(values, path), find_value(values, path))
    ]
    undeclared = {name: value for name, value in before.items() if name not in schema.get("properties", {})}
    plugin.settings = {**undeclared, **values}
    plugin.save(update_fields=["settings"])
    record_act(by, "settings", plugin, version=plugin.current_version, details={"changed": changed})
    mark_changed()
    logger.info("plugin %s: settings by %s", plugin.name, "the system" if by is None else by.get_username())
    return changed


def _check(schema: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    size = _size_bytes(values)
    if size > VALUES_BYTES:
        raise ValueError(f"the values have {size} bytes as JSON; the limit is {VALUES_BYTES}")
    for error in validator(without_required(schema)).iter_errors(dict(values)):
        where = ".".join(map(str, error.instance_path)) or "the settings"
        raise ValueError(f"{where}: {error.message[:200]}")


def _size_bytes(values: Mapping[str, Any]) -> int:
    """Return how long values are as JSON in UTF-8.

    Raises:
        ValueError: They hold what RFC 8259 or PostgreSQL's ``jsonb`` does not know.
    """
    try:
        text = json.dumps(values, allow_nan=False, ensure_ascii=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError):
        raise ValueError("the values hold what JSON cannot: NaN, an infinity, or half of a surrogate pair") from None
    if "\\u0000" in text.replace("\\\\", ""):  # an escaped backslash before u0000 is text like any other
        raise ValueError("the values hold the character U+0000, which the database cannot keep")
    return size


def without_required(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema that takes half of the settings: defaults and secrets make the rest."""
    properties = {
        name: without_required(inner) if inner.get("type") == "object" else inner
        for name, inner in schema.get("properties", {}).items()
    }
    rest = {key: value for key, value in schema.items() if key not in ("required", "minProperties")}
    return {**rest, "properties": properties} if properties else rest
