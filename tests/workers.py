"""Starts real workers on the tests' servers, waits for runs, and kills what a test wants dead."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings as project_settings

from project.stack.processes import Child, running
from wasm_plugins.models import TaskRun

Status = TaskRun.Status


@dataclass(frozen=True)
class Workers:
    """How to start workers.

    Attributes:
        folder: Where they write their logs.
        environment: Their environment, which says where the servers are.
    """

    folder: Path
    environment: Mapping[str, str]

    def start(
        self, *options: str, settings: Mapping[str, Any] | None = None, code: str = "", grace_s: float = 2
    ) -> AbstractContextManager[Child]:
        """Run ``plugins worker`` until a block ends.

        Args:
            options: For the command.
            settings: Django settings that are other than in the tests.
            code: More lines for its settings module, for example to turn its clock.
            grace_s: How long it has to stop.
        """
        root = project_settings.BASE_DIR
        return running(
            "worker",
            [sys.executable, str(root / "manage.py"), "plugins", "worker", *options],
            log_path=self.folder / "worker.log",
            folder=root,
            environment=self.with_settings(settings or {}, code),
            grace_s=grace_s,
        )

    def with_settings(self, settings: Mapping[str, Any], code: str = "") -> dict[str, str]:
        """Write a settings module and return the environment of a process that uses it."""
        name = f"worker_settings_{len(list(self.folder.glob('worker_settings_*')))}"
        lines = ["from tests.settings import *", *(f"{key} = {value!r}" for key, value in settings.items()), code]
        (self.folder / f"{name}.py").write_text("\n".join(lines))
        path = os.pathsep.join([str(self.folder), str(project_settings.BASE_DIR)])
        return {**self.environment, "DJANGO_SETTINGS_MODULE": name, "PYTHONPATH": path}

    def log(self) -> str:
        """Return what they wrote so far."""
        path = self.folder / "worker.log"
        return path.read_text(errors="replace") if path.exists() else ""


def share_plugins(settings: Any) -> None:
    """Keep plugins where the workers look for them."""
    folder = {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(project_settings.DATA_DIR / "plugins")},
    }
    settings.STORAGES = {**settings.STORAGES, "plugins": folder}


def wait(run: TaskRun, is_so: Callable[[TaskRun], bool], timeout_s: float = 30.0) -> TaskRun:
    """Return the row as soon as it is as wanted."""
    give_up_at = time.monotonic() + timeout_s
    while True:
        run.refresh_from_db()
        if is_so(run):
            return run
        assert time.monotonic() < give_up_at, (run.status, run.error_code, run.error)
        time.sleep(0.05)


def eventually(is_so: Callable[[], object], timeout_s: float = 20.0) -> None:
    """Return as soon as something is so."""
    give_up_at = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)


def is_over(run: TaskRun) -> bool:
    """Tell whether a run has ended."""
    return run.is_over


def is_running(run: TaskRun) -> bool:
    """Tell whether a worker has claimed a run."""
    return run.status == Status.RUNNING


def is_pending(run: TaskRun) -> bool:
    """Tell whether a run waits for somebody to queue it."""
    return run.status == Status.PENDING


def work_horses(worker: Child) -> list[int]:
    """Return the processes in which a worker performs jobs right now."""
    pid = worker.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
