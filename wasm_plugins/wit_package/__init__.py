"""The project's hooks as a WIT package that plugin authors depend on."""

from .names import is_wit_name, package_name
from .text import HookText, package_text, spelt_names

__all__ = ["HookText", "is_wit_name", "package_name", "package_text", "spelt_names"]
