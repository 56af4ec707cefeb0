"""Authors with tokens."""

from __future__ import annotations

import pytest

from tests.api.asked import AUTHOR, Program, user_with


@pytest.fixture
def author(db: None) -> Program:
    """Somebody who may upload, approve and read logs, and whose token may all of it."""
    return Program(user_with(*AUTHOR))
