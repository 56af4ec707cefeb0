"""What plugins ordinarily write works on both databases."""

from __future__ import annotations

import pytest

from tests.host.sql.conftest import ALL_WALLS, Run
from wasm_plugins.runtime.values import Variant

pytestmark = [
    pytest.mark.django_db(databases=["default", "sqlite"]),
    pytest.mark.parametrize("walls", ALL_WALLS, indirect=True),
]

ORDINARY = {
    "one column": ("SELECT title FROM plugin_notes ORDER BY id", [], [["first"], ["second"]]),
    "alias": ("SELECT n.title AS t FROM plugin_notes AS n WHERE n.id = $1", [Variant("integer", 2)], [["second"]]),
    "count": ("SELECT count(*) AS n FROM plugin_notes", [], [[2]]),
    "aggregate": ("SELECT sum(points) AS s, max(title) AS m FROM plugin_notes", [], [[30, "second"]]),
    "group": (
        "SELECT points / 100 AS p, count(*) AS n FROM plugin_notes GROUP BY points / 100 HAVING count(*) > 1",
        [],
        [[0, 2]],
    ),
    "join": (
        "SELECT n.title, p.cents FROM plugin_notes n JOIN plugin_prices p ON p.id = n.id ORDER BY p.cents DESC",
        [],
        [["second", 250], ["first", 100]],
    ),
    "left join": (
        "SELECT n.id FROM plugin_notes n LEFT JOIN plugin_prices p ON p.id = n.id AND p.cents > 200 "
        "WHERE p.id IS NULL",
        [],
        [[1]],
    ),
    "sub-select": (
        "SELECT title FROM plugin_notes WHERE id IN (SELECT id FROM plugin_prices WHERE cents > $1)",
        [Variant("integer", 200)],
        [["second"]],
    ),
    "derived table": (
        "SELECT s.double FROM (SELECT points * 2 AS double FROM plugin_notes) AS s ORDER BY s.double",
        [],
        [[20], [40]],
    ),
    "exists": (
        "SELECT 1 AS one FROM plugin_notes n WHERE EXISTS (SELECT 1 FROM plugin_prices p WHERE p.id = n.id)",
        [],
        [[1], [1]],
    ),
    "case": ("SELECT CASE WHEN points > 10 THEN 'many' ELSE 'few' END AS c FROM plugin_notes ORDER BY id", [],
             [["few"], ["many"]]),
    "like": ("SELECT id FROM plugin_notes WHERE title LIKE $1", [Variant("text", "fir%")], [[1]]),
    "between": ("SELECT id FROM plugin_notes WHERE points BETWEEN 15 AND 25", [], [[2]]),
    "cast": ("SELECT CAST(points AS text) AS t FROM plugin_notes WHERE id = 1", [], [["10"]]),
    "coalesce": ("SELECT coalesce(owner_id, 0) AS o FROM plugin_notes ORDER BY id", [], [[1], [0]]),
    "functions": ("SELECT upper(title) AS u, length(body) AS l FROM plugin_notes WHERE id = 1", [], [["FIRST", 3]]),
    "window": (
        "SELECT row_number() OVER (ORDER BY points DESC) AS r, id FROM plugin_notes ORDER BY id",
        [],
        [[2, 1], [1, 2]],
    ),
    "union": ("SELECT id FROM plugin_notes UNION ALL SELECT id FROM plugin_prices ORDER BY id LIMIT 3", [],
              [[1], [1], [2]]),
    "trailing semicolon": ("SELECT id FROM plugin_notes WHERE id = 1;", [], [[1]]),
    "a string that looks like SQL": ("SELECT '; DROP TABLE plugin_notes --' AS s", [],
                                     [["; DROP TABLE plugin_notes --"]]),
    "quotes in a parameter": ("SELECT id FROM plugin_notes WHERE title = $1", [Variant("text", "' OR 1=1 --")], []),
    "insert returning": (
        "INSERT INTO plugin_notes (id, title, points) VALUES ($1, $2, $3) RETURNING id, title",
        [Variant("integer", 9), Variant("text", "nine"), Variant("null")],
        [[9, "nine"]],
    ),
    "upsert": (
        "INSERT INTO plugin_notes (id, title, points) VALUES (7, 'first', 1) "
        "ON CONFLICT (title) DO UPDATE SET points = excluded.points + plugin_notes.points RETURNING id, points",
        [],
        [[1, 11]],
    ),
    "update returning": ("UPDATE plugin_notes SET points = points + 1 WHERE id = 1 RETURNING points", [], [[11]]),
    "delete returning": ("DELETE FROM plugin_notes WHERE id = 2 RETURNING title", [], [["second"]]),
    "no rows": ("SELECT id FROM plugin_notes WHERE id = 99", [], []),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_statement_answers_its_rows(run: Run, alias: str, name: str) -> None:
    sql, params, expected = ORDINARY[name]
    result = run(alias, sql, params)
    assert [[value.payload for value in row] for row in result.rows] == expected


CHANGES = {
    "insert": ("INSERT INTO plugin_notes (id, title) VALUES (5, 'five'), (6, 'six')", 2),
    "insert from select": ("INSERT INTO plugin_log (id, line) SELECT id + 10, title FROM plugin_notes", 2),
    "write only": ("INSERT INTO plugin_log (id, line) VALUES (2, 'new')", 1),
    "do nothing": ("INSERT INTO plugin_notes (id, title) VALUES (1, 'x') ON CONFLICT DO NOTHING", 0),
    "update": ("UPDATE plugin_notes SET body = 'same'", 2),
    "update where": ("UPDATE plugin_notes SET points = 0 WHERE points > 15", 1),
    "delete": ("DELETE FROM plugin_notes", 2),
    "foreign key to a table that is not granted": ("UPDATE plugin_notes SET owner_id = 1 WHERE id = 2", 1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_counts_its_rows(run: Run, alias: str, name: str) -> None:
    sql, changed = CHANGES[name]
    result = run(alias, sql)
    assert (result.changed, result.columns, result.rows) == (changed, (), ())


def test_a_returning_change_counts_its_rows_too(run: Run, alias: str) -> None:
    result = run(alias, "UPDATE plugin_notes SET points = 1 RETURNING id")
    assert (result.changed, result.columns, len(result.rows)) == (2, ("id",), 2)


def test_repeated_column_names_keep_their_values(run: Run, alias: str) -> None:
    result = run(alias, "SELECT 1 AS a, 2 AS a")
    assert result.columns == ("a", "a")
    assert result.rows == ((Variant("integer", 1), Variant("integer", 2)),)


def test_statements_of_every_shape_may_follow_each_other(run: Run, alias: str) -> None:
    """What a function of PostgreSQL remembers of one row must not be taken for what the next one is like."""
    reading = {name: each for name, each in ORDINARY.items() if each[0].startswith("SELECT")}
    for name, (sql, params, expected) in [*reading.items(), *reversed(reading.items())]:
        result = run(alias, sql, params)
        assert [[value.payload for value in row] for row in result.rows] == expected, name
