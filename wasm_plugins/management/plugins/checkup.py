"""All checks of ``plugins doctor``, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from django.db import DatabaseError, InterfaceError

from . import checkup_parts, checkup_records
from .finding import Finding


def _careful(check: Callable[[], Iterator[Finding]]) -> Callable[[], list[Finding]]:
    """Make a check tell of a database that is away instead of raising."""

    def run() -> list[Finding]:
        name = check.__name__.removeprefix("check_")
        try:
            return list(check())
        except (DatabaseError, InterfaceError) as error:
            return [Finding(name, False, str(error).strip(), "check DATABASES, and run manage.py migrate")]

    return run


CHECKS: Final = tuple(
    map(
        _careful,
        (
            checkup_parts.check_storage,
            checkup_parts.check_cache,
            checkup_parts.check_engine,
            checkup_parts.check_databases,
            checkup_parts.check_roles,
            checkup_parts.check_queues,
            checkup_records.check_runs,
            checkup_records.check_signatures,
            checkup_records.check_health,
            checkup_records.check_secrets,
            checkup_parts.check_http,
        ),
    )
)
