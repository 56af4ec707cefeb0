"""The fuzz targets: every one is run by ``make fuzz``, and its seeds pass."""

from __future__ import annotations

import pytest

from tests.fuzz.__main__ import NAMES
from tests.fuzz.targets import SEEDS, TARGETS


def test_every_target_is_run_and_has_seeds() -> None:
    assert set(NAMES) == set(TARGETS) == set(SEEDS)


@pytest.mark.parametrize("name", NAMES)
def test_a_target_takes_its_seeds_and_no_bytes_at_all(name: str) -> None:
    for data in (b"", *SEEDS[name]):
        TARGETS[name](data)
