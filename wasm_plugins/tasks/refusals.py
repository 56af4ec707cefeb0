"""Where jobs that were refused are written down: in the log, and among the acts that are audited."""

from __future__ import annotations

import logging
from typing import Final

from django.db import DatabaseError

from ..audit import record_act

ACT: Final = "refuse-job"

logger = logging.getLogger(__name__)


def record_refusal(job_id: str, queue: str, reason: str) -> None:
    """Write down that a job was refused; a database that is away costs the entry and not the worker.

    Args:
        job_id: The job's id, of RQ's own characters.
        queue: The queue that it came through.
        reason: A text of ours, with nothing in it that the job says.
    """
    logger.error("job %s on queue %s was refused: it %s", job_id, queue, reason)
    details = {"queue": queue, "reason": reason}
    try:
        record_act(None, ACT, None, subject=job_id, outcome="refused", details=details)
    except DatabaseError:
        logger.exception("the refusal of job %s could not be audited", job_id)
