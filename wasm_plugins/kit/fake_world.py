"""What a test says of the world around a plugin: its settings, who calls, the database, recorded HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from wasm_plugins.kit.failures import Usage
from wasm_plugins.kit.fakes import FakeHost
from wasm_plugins.kit.fakes.database import Database
from wasm_plugins.kit.fakes.recordings import Recording, read_recordings, recording
from wasm_plugins.kit.host_options import buckets, http_grant, make_database
from wasm_plugins.manifest import Manifest
from wasm_plugins.settings_values import as_told


class FakeWorld:
    """The world of one test; what calls do to its database stays until the test is over.

    Attributes:
        manifest: What the plugin declares.
        config: Its settings, as ``wasi:config/store`` answers them; at first the defaults of its schema.
        secrets: Its secrets, likewise; once read, they are ``***`` in log and errors.
        store: What it keeps in ``wasi:keyvalue/store``, by bucket and key; calls that fail change nothing of it.
    """

    def __init__(self, manifest: Manifest) -> None:
        """Begin with nobody logged in, no database, and no request that is answered."""
        self.manifest: Final = manifest
        self.config: Final[dict[str, str]] = as_told(manifest.settings, {})
        self.secrets: Final[dict[str, str]] = {}
        self.store: Final[dict[tuple[str, str], bytes]] = {}
        self._recordings: Final[list[Recording]] = []
        self._database: Database | None = None
        self._caller: dict[str, Any] = {}

    def log_in(
        self, username: str, *, permissions: Iterable[str] = (), is_staff: bool = False, is_superuser: bool = False
    ) -> None:
        """Let calls be made by a user, with Django permissions such as ``shop.view_order``."""
        self._caller = {
            "username": username,
            "permissions": frozenset(permissions),
            "is_staff": is_staff,
            "is_superuser": is_superuser,
        }

    def log_out(self) -> None:
        """Let calls be made by nobody."""
        self._caller = {}

    def use_database(self, fixture: str | Path) -> None:
        """Make a new database, with the tables that ``plugin.toml`` asks for as granted.

        Args:
            fixture: SQL for SQLite that makes and fills tables, or the file that has it.

        Raises:
            Usage: SQLite does not take it.
            OSError: The file cannot be read.
        """
        sql = fixture.read_text(encoding="utf-8") if isinstance(fixture, Path) else fixture
        database = make_database(sql, self.manifest, str(fixture) if isinstance(fixture, Path) else "the fixture")
        self.close()
        self._database = database

    def execute(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        """Run a statement of the test's own, with ``?`` for each parameter, and return the rows.

        Raises:
            Usage: There is no database.
            sqlite3.Error: SQLite refuses it.
        """
        if self._database is None:
            raise Usage("there is no database: plugin_host.use_database makes one")
        cursor = self._database.connection.execute(sql, params)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def record_http(
        self,
        method: str,
        url: str,
        *,
        status: int = 200,
        body: Any = "",
        headers: Mapping[str, str] | None = None,
        error: str | None = None,
        times: int | None = None,
    ) -> None:
        """Let requests be answered; of several answers that match, the one recorded first counts.

        Args:
            method: Their HTTP method.
            url: Where they go, with ``*`` for any text.
            status: What they are answered with.
            body: A text, bytes, or anything else as JSON.
            headers: Of the answer.
            error: A case of ``wasi:http``'s ``error-code`` in place of an answer, for example ``connection-timeout``.
            times: How often; ``None``: always.

        Raises:
            Usage: The URL, the status or the error is none.
        """
        response = {"status": status, "body": body, "headers": dict(headers or {})}
        answer = {"response": response} if error is None else {"error": error}
        entry = {"request": {"method": method, "url": url}, **answer, "times": times}
        self._recordings.append(recording(entry, "record_http"))

    def load_http(self, path: Path) -> None:
        """Let requests be answered as a file of recordings says.

        Raises:
            Usage: It has another shape.
            OSError: It cannot be read.
        """
        self._recordings.extend(read_recordings(path))

    def close(self) -> None:
        """Drop the database."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _host(self, **more: Any) -> FakeHost:
        """Return the host of one call."""
        return FakeHost(
            config=dict(self.config),
            secrets=dict(self.secrets),
            database=self._database,
            http=http_grant(self.manifest),
            recordings=self._recordings,
            buckets=buckets(self.manifest),
            values=self.store,
            **{**self._caller, **more},
        )
