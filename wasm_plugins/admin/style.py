"""The style sheet of the plugin pages: a file, so that it works under any content security policy."""

from __future__ import annotations


class Styled:
    """Brings the style sheet along."""

    class Media:
        css = {"all": ("wasm_plugins/admin.css",)}  # noqa: RUF012 - Django reads it, nobody changes it
