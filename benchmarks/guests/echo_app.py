"""The echo plugin in Python: built with componentize-py, never imported by the benchmarks themselves."""

from wit_world import WitWorld as World
from wit_world import exports
from wit_world.imports.types import Manifest


class PluginCommon(exports.PluginCommon):
    """The interface that every plugin exports."""

    def get_manifest(self) -> Manifest:
        """Say that this plugin answers the hook ``echo``."""
        return Manifest(plugin_name="echo-python", hooks=["echo"], routes=[], tasks=[])


class WitWorld(World):
    """The function of ``echo.wit``."""

    def echo(self, text: str) -> str:
        """Answer with the text that came."""
        return text
