"""The job class of our workers: it performs runs of plugins and nothing else, whatever is written in Redis.

Whoever can write to Redis can make RQ import any function, call it with any argument, call others as callbacks, and
send requests to any address as webhooks. A job of ours is one id; everything else in its hash is either read as what
it has to be, within bounds, or is a reason to refuse it. A job that is refused fails, and its hash is left as it is.
"""

from __future__ import annotations

import json
import logging
import re
import zlib
from collections.abc import Mapping
from typing import Any, Final

from redis.exceptions import ResponseError
from rq.exceptions import NoSuchJobError
from rq.job import JOB_ID_PATTERN, Job, JobStatus, parse_job_id
from rq.utils import decode_redis_hash, now, str_to_date

from .refusals import record_refusal

PERFORM: Final = "wasm_plugins.tasks.perform_run"
"""The only function that our jobs name."""

KEEP_FAILED_S: Final = 24 * 60 * 60
"""How long Redis keeps a job that failed, in seconds. RQ's own default is a year; what failed is on our row anyway."""

FIELD_BYTES: Final = 4 * 1024
"""Longest field of a job's hash that is read: ours have less than a tenth."""

_READ: Final = ("data", "origin", "description", "timeout", "status", "created_at", "enqueued_at", "result_ttl")
_UNWANTED: Final = (
    *("success_callback_name", "failure_callback_name", "stopped_callback_name", "webhooks", "meta"),
    *("dependency_id", "dependency_ids", "repeats_left", "retries_left", "rate_limit_key", "group_id"),
)
"""Fields that have RQ do more than call the function; our jobs have none of them."""

_KEPT_OF_REFUSED: Final = ("status", "ended_at", "exc_info", "started_at", "last_heartbeat", "worker_name")
_QUEUE_NAME: Final = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_LONGEST_S: Final = 7 * 24 * 60 * 60

logger = logging.getLogger(__name__)


class JobRefused(Exception):
    """A job is not one of ours, or not as we write them. The message says why."""


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
        fields = (*_READ, *_UNWANTED)
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
        self.origin = _matching(_QUEUE_NAME, found.get("origin"))
        self.description = _printable(found.get("description"))
        self.created_at = _moment(found.get("created_at")) or now()
        self.enqueued_at = _moment(found.get("enqueued_at"))
        self._status = _status(found.get("status"))
        self.failure_ttl = KEEP_FAILED_S
        self.result_ttl = _number(found.get("result_ttl"))
        self.timeout = _number(found.get("timeout"))
        try:
            self.data = _unpacked(found.get("data") or b"")
            _read_run_id(self.data, self.id)
            _check_fields(found)
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
            run_id = _read_run_id(self.data, self.id)
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


def _unpacked(data: bytes) -> bytes:
    """Return what RQ compressed, as far as it may be long."""
    inflate = zlib.decompressobj()
    try:
        payload = inflate.decompress(data, FIELD_BYTES)
    except zlib.error:
        return data  # RQ takes what is not compressed as well
    if inflate.unconsumed_tail or not inflate.eof:
        raise JobRefused(f"unpacks to more than {FIELD_BYTES} bytes")
    return payload


def _read_run_id(payload: bytes, job_id: str) -> str:
    """Return the one argument of a job of ours.

    Raises:
        JobRefused: It is not one of ours.
    """
    try:
        name, instance, args, kwargs = json.loads(payload)
    except (ValueError, TypeError, RecursionError):  # a pickle, for example
        raise JobRefused("is not written as JSON with four parts, as our jobs are") from None
    if name != PERFORM:
        raise JobRefused("names another function: this worker runs tasks of plugins and nothing else")
    if instance is not None or args != [job_id] or kwargs != {}:
        raise JobRefused("does not have its own id as its only argument")
    return job_id


def _check_fields(found: Mapping[str, Any]) -> None:
    """Refuse what our jobs do not have.

    Raises:
        JobRefused: With the field's name.
    """
    unwanted = [field for field in _UNWANTED if found.get(field)]
    if unwanted:
        raise JobRefused(f"has the field {unwanted[0]}, which no job of ours has")
    if found.get("timeout") and _number(found["timeout"]) is None:
        raise JobRefused(f"has a timeout that is no number of seconds up to {_LONGEST_S}")


def _matching(pattern: re.Pattern[str], value: bytes | None) -> str:
    text = (value or b"").decode(errors="replace")
    return text if pattern.fullmatch(text) else ""


def _printable(value: bytes | None) -> str:
    text = (value or b"").decode(errors="replace")[:200]
    return "".join(char if char.isprintable() else "�" for char in text)


def _number(value: bytes | None) -> int | None:
    text = (value or b"").decode(errors="replace")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
    return number if number is not None and 0 < number <= _LONGEST_S else None


def _moment(value: bytes | None) -> Any:
    try:
        return str_to_date(value) if value else None
    except (ValueError, TypeError, OverflowError):
        return None


def _status(value: bytes | None) -> JobStatus:
    try:
        return JobStatus((value or b"created").decode(errors="replace"))
    except ValueError:
        return JobStatus.CREATED
