"""What a project tests its hooks, routes and tasks with: plugins for one test, with wasm or without."""

from ..runtime.values import Err, Some, Variant
from .component import ComponentPlugin, component_from_wat
from .fake import FakeCall, FakePlugin, FakeRoute
from .override import override_plugins

__all__ = [
    "ComponentPlugin",
    "Err",
    "FakeCall",
    "FakePlugin",
    "FakeRoute",
    "Some",
    "Variant",
    "component_from_wat",
    "override_plugins",
]
