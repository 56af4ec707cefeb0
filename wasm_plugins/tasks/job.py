"""The job class of our workers: it performs runs of plugins and nothing else, whatever is written in Redis.

Whoever can write to Redis can make RQ import any function, call it with any argument, call others as callbacks, and
send requests to any address as webhooks. A job of ours is one id; everything else in its hash is either read as what
it has to be, within bounds, or is a reason to refuse it. A job that is refused fails, and its hash is left as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from redis.exceptions import ResponseError
from rq.exceptions import NoSuchJobError
from rq.job import JOB_ID_PATTERN, Job, parse_job_id
from rq.utils import decode_redis_hash, now

from .job_hash import (
    FIELD_BYTES,
    READ,
    UNWANTED,
    JobRefused,
    check_fields,
    moment,
    printable,
    queue_name,
    read_run_id,
    seconds,
    status_of,
    unpacked,
)
from .refusals import record_refusal

KEEP_FAILED_S: Final = 24 * 60 * 60
"""How long Redis keeps a job that failed, in seconds. RQ's own default is a year; what failed is on our row anyway."""

_KEPT_OF_REFUSED: Final = ("status", "ended_at", "exc_info", "started_at", "last_heartbeat", "worker_name")

logger = logging.getLogger(__name__)


class PluginJob(Job):
    """A job that performs one run of a plugin's task.

    Attributes:
        refusal: Why it will not be performed, or nothing.
    """

    refusal = ""

    @classmethod
    def fetch(cls, id: str, connection: Any = None, serializer: Any = None) -> Job:
        """Read a job; one whose id is none is treated as one that there is not, instead of ending the worker.

        Raises:
            NoSuchJobError: There is no such job.
        """
        if not JOB_ID_PATTERN.fullmatch(parse_job_id(id)):
            logger.error("a job was refused: it has an id that RQ never gives")
            raise NoSuchJobError("its id is none")
        return super().fetch(id, connection=connection, serializer=serializer)

    def refresh(self) -> None:
        """Read the hash: first how long its fields are, then those that are short enough.

        Raises:
            NoSuchJobError: There is no such job, or something else has its name.
        """
        fields = (*READ, *UNWANTED)
        try:
            with self.connection.pipeline(transaction=False) as pipeline:
                for field in fields:
                    pipeline.hstrlen(self.key, field)
                lengths = dict(zip(fields, pipeline.execute(), strict=True))
            readable = [field for field in fields if 0 < lengths[field] <= FIELD_BYTES]
            values = self.connection.hmget(self.key, readable) if readable else []
        except ResponseError as error:
            raise NoSuchJobError(f"{self.key} is no job") from error
        if not any(lengths.values()):
            raise NoSuchJobError(f"No such job: {self.key}")
        self.restore({name: value for name, value in zip(readable, values, strict=True) if value is not None})
        too_long = [field for field in fields if lengths[field] > FIELD_BYTES]
        if too_long:
            self._refuse(f"has {lengths[too_long[0]]} bytes of {too_long[0]}; the limit is {FIELD_BYTES}")

    def restore(self, raw_data: Mapping[Any, Any]) -> None:
        """Take what a hash says, so far as it is what our jobs say."""
        found: dict[str, Any] = decode_redis_hash(dict(raw_data))
        self.refusal = ""
        self.origin = queue_name(found.get("origin"))
        self.description = printable(found.get("description"))
        self.created_at = moment(found.get("created_at")) or now()
        self.enqueued_at = moment(found.get("enqueued_at"))
        self._status = status_of(found.get("status"))
        self.failure_ttl = KEEP_FAILED_S
        self.result_ttl = seconds(found.get("result_ttl"))
        self.timeout = seconds(found.get("timeout"))
        try:
            self.data = unpacked(found.get("data") or b"")
            read_run_id(self.data, self.id)
            check_fields(found)
        except JobRefused as refused:
            self._refuse(str(refused))

    def _refuse(self, reason: str) -> None:
        self.refusal = reason
        self.data = b'["",null,[],{}]'  # what RQ shows and logs of it

    @property
    def func(self) -> Any:
        """The one function."""
        from .perform import perform_run  # which itself needs the queue, and with it this class

        return perform_run

    @property
    def success_callback(self) -> None:
        """None: what a hash names is never imported."""

    @property
    def failure_callback(self) -> None:
        """None: what a hash names is never imported."""

    @property
    def stopped_callback(self) -> None:
        """None: what a hash names is never imported."""

    def _execute(self) -> Any:
        from .perform import UNKNOWN

        try:
            if self.refusal:
                raise JobRefused(self.refusal)
            run_id = read_run_id(self.data, self.id)
            answer = self.func(run_id)
            if answer == UNKNOWN:
                raise JobRefused("names a run that there is not")
        except JobRefused as refused:
            record_refusal(self.id, self.origin, str(refused))
            raise
        return answer

    def to_dict(self, include_meta: bool = True, include_result: bool = True) -> dict[str, Any]:
        """Return what is written to Redis; of a job that was refused only that it failed.

        So somebody else's job, which came to the wrong worker, can be queued again for the right one.
        """
        whole = super().to_dict(include_meta=include_meta, include_result=include_result)
        return {key: value for key, value in whole.items() if not self.refusal or key in _KEPT_OF_REFUSED}
