"""Answers that are remembered: asked for once, forgotten when they are many, and never older than what they are of."""

from __future__ import annotations

import pytest
from django.db import connection

from tests.host.sql.conftest import ALL_WALLS, Run
from wasm_plugins.host.sql.remembered import Remembered
from wasm_plugins.runtime.values import Variant

BY_TITLE = "SELECT id FROM plugin_notes WHERE title = $1"


def test_an_answer_is_found_once() -> None:
    asked: list[str] = []
    remembered = Remembered[int]()
    assert [remembered.get("key", lambda: asked.append("key") or 7) for _ in range(3)] == [7, 7, 7]  # type: ignore[func-returns-value]
    assert asked == ["key"]


def test_what_was_not_asked_for_the_longest_is_forgotten_first() -> None:
    remembered = Remembered[int](most=2)
    for key in ("a", "b", "a", "c"):
        remembered.get(key, lambda: 1)
    assert [remembered.get(key, lambda: 2) for key in ("a", "c", "b")] == [1, 1, 2]


def test_what_cannot_be_found_is_asked_for_again() -> None:
    remembered = Remembered[float]()
    with pytest.raises(ZeroDivisionError):
        remembered.get("key", lambda: 1 / 0)
    assert remembered.get("key", lambda: 0.5) == 0.5


@pytest.mark.django_db(databases=["default", "sqlite"])
@pytest.mark.parametrize("walls", ALL_WALLS, indirect=True)
def test_a_parameter_has_the_type_that_its_column_has_now(run: Run) -> None:
    assert [row[0].payload for row in run("default", BY_TITLE, [Variant("text", "first")]).rows] == [1]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE plugin_notes ALTER COLUMN title TYPE integer USING id")
    assert [row[0].payload for row in run("default", BY_TITLE, [Variant("text", "2")]).rows] == [2]


@pytest.mark.django_db(databases=["default", "sqlite"])
@pytest.mark.parametrize("walls", ["both", "kept"], indirect=True)
def test_a_parameter_is_cast_to_the_name_that_its_type_has_now(run: Run) -> None:
    by_mood = "SELECT id FROM plugin_notes WHERE mood = $1"
    with connection.cursor() as cursor:
        cursor.execute("CREATE TYPE mood AS ENUM ('good')")
        cursor.execute("ALTER TABLE plugin_notes ADD mood mood DEFAULT 'good'")
    assert len(run("default", by_mood, [Variant("text", "good")]).rows) == 2
    with connection.cursor() as cursor:
        cursor.execute("ALTER TYPE mood RENAME TO humour")
    assert len(run("default", by_mood, [Variant("text", "good")]).rows) == 2
