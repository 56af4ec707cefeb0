"""The shop's settings on embedded parts: what is fuzzed asks no server."""

from __future__ import annotations

import os
import tempfile

os.environ.setdefault("SHOP_SECRET_KEY", "only-for-fuzzing")
os.environ.setdefault("SHOP_DATA", tempfile.gettempdir())

from project.settings import *  # noqa: F403
