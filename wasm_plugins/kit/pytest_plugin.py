"""pytest's side of ``wasm-plugins test``: the fixture ``plugin_host`` and where the plugin lies, and nothing else.

pytest loads this into every run of an environment that has the package, so nothing is imported before a test asks. The
entry point has the module's name, so that ``-p`` with it is the same plugin, and no second one.

pytest rewrites the asserts of all top-level packages of a distribution that has such an entry point, and so of all of
``wasm_plugins``, in runs of other projects too. A module can be left out, by a word in its docstring; a package cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from wasm_plugins.kit.loaded_plugin import LoadedPlugin
    from wasm_plugins.kit.plugin_host import PluginHost

_LOADED: Final = pytest.StashKey[dict[Path, "LoadedPlugin"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add where the plugin lies, as an option and as a line of the configuration file."""
    about = "the plugin that the fixture plugin_host calls; of the project that the test lies in, if not given"
    group = parser.getgroup("wasm-plugins", "plugins as WebAssembly components")
    group.addoption("--wasm-plugin", type=Path, metavar="FILE", help=about)
    parser.addini("wasm_plugin", about)


@pytest.fixture
def plugin_host(request: pytest.FixtureRequest) -> Iterator[PluginHost]:
    """Call the built plugin of this project, in the host's sandbox and with a host that the test controls."""
    from wasm_plugins.kit.plugin_host import PluginHost

    host = PluginHost(_loaded(request))
    yield host
    host.close()


def _loaded(request: pytest.FixtureRequest) -> LoadedPlugin:
    """Return the plugin, compiled and verified once in a run."""
    from wasm_plugins.exceptions import PluginError
    from wasm_plugins.kit.failures import KitError
    from wasm_plugins.kit.loaded_plugin import load_plugin

    loaded = request.config.stash.setdefault(_LOADED, {})
    try:
        path = _path(request)
        if path not in loaded:
            loaded[path] = load_plugin(path)
    except (KitError, PluginError, OSError, ValueError) as error:
        pytest.fail(f"plugin_host: {error}", pytrace=False)
    return loaded[path]


def _path(request: pytest.FixtureRequest) -> Path:
    """Return where the plugin lies: as the command line says, else the configuration file, else the test's place."""
    from wasm_plugins.kit.failures import KitError
    from wasm_plugins.kit.project import built_plugin_of

    config = request.config
    if (given := config.getoption("wasm_plugin")) is not None:
        return Path(config.invocation_params.dir, given)
    if named := config.getini("wasm_plugin"):
        return Path(config.rootpath, named)
    built = built_plugin_of(request.path.parent)
    if built is None:
        raise KitError(f"no plugin.toml lies above {request.path}; name the plugin with --wasm-plugin FILE")
    if not built.is_file():
        raise KitError(f"{built} is not there: run wasm-plugins build, or wasm-plugins test, which builds first")
    return built
