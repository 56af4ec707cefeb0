"""RQ's worker that spawns its work horses, with what such a horse needs of Django before it looks at its job."""

from __future__ import annotations

import django
from rq.worker import SpawnWorker

django.setup()


class DjangoSpawnWorker(SpawnWorker):
    """The same; its horses import this module, and with it set Django up."""
