"""Staff of every kind, and a project with a row of everything, for those who try what they may not."""

from __future__ import annotations

import pytest

from tests.admin.conftest import MakeStaff, approver, nobody, root, staff, uploader
from tests.admin.pages import Staff
from tests.hostile.admins.everything import SECRET, one_of_everything
from wasm_plugins.models import Plugin

__all__ = ["SECRET", "approver", "nobody", "root", "staff", "uploader", "viewer"]


@pytest.fixture
def everything(db: None) -> Plugin:
    """A plugin that is on, with a row of everything that is recorded."""
    return one_of_everything()


@pytest.fixture
def viewer(staff: MakeStaff) -> Staff:
    """Somebody who may look at everything, secrets' names included, and do nothing."""
    models = (
        "plugin",
        "pluginversion",
        "taskrun",
        "storedobject",
        "secret",
        "auditentry",
        "trustedkey",
        "grant",
        "apitoken",
    )
    return staff(*(f"view_{model}" for model in models))
