"""Reads the fields of a job's hash in Redis, within bounds: anybody who can write to Redis may have written them."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from rq.job import JobStatus
from rq.utils import str_to_date

PERFORM: Final = "wasm_plugins.tasks.perform_run"
"""The only function that our jobs name."""

FIELD_BYTES: Final = 4 * 1024
"""Longest field of a job's hash that is read: ours have less than a tenth."""

READ: Final = ("data", "origin", "description", "timeout", "status", "created_at", "enqueued_at", "result_ttl")
UNWANTED: Final = (
    *("success_callback_name", "failure_callback_name", "stopped_callback_name", "webhooks", "meta"),
    *("dependency_id", "dependency_ids", "repeats_left", "retries_left", "rate_limit_key", "group_id"),
)
"""Fields that have RQ do more than call the function; our jobs have none of them."""

_QUEUE_NAME: Final = re.compile(r"[\w.:-]{1,64}", re.ASCII)
_LONGEST_S: Final = 7 * 24 * 60 * 60


class JobRefused(Exception):
    """A job is not one of ours, or not as we write them. The message says why."""


def unpacked(data: bytes) -> bytes:
    """Return what RQ compressed.

    Raises:
        JobRefused: It is longer than it may be.
    """
    inflate = zlib.decompressobj()
    try:
        payload = inflate.decompress(data, FIELD_BYTES)
    except zlib.error:
        return data  # RQ takes what is not compressed as well
    if inflate.unconsumed_tail or not inflate.eof:
        raise JobRefused(f"unpacks to more than {FIELD_BYTES} bytes")
    return payload


def read_run_id(payload: bytes, job_id: str) -> str:
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


def check_fields(found: Mapping[str, Any]) -> None:
    """Refuse what our jobs do not have.

    Raises:
        JobRefused: With the field's name.
    """
    unwanted = [field for field in UNWANTED if found.get(field)]
    if unwanted:
        raise JobRefused(f"has the field {unwanted[0]}, which no job of ours has")
    if found.get("timeout") and seconds(found["timeout"]) is None:
        raise JobRefused(f"has a timeout that is no number of seconds up to {_LONGEST_S}")


def queue_name(value: bytes | None) -> str:
    """Return a queue's name, or nothing where it is none."""
    text = (value or b"").decode(errors="replace")
    return text if _QUEUE_NAME.fullmatch(text) else ""


def printable(value: bytes | None) -> str:
    """Return a text that is short and cannot steer a terminal."""
    text = (value or b"").decode(errors="replace")[:200]
    return "".join(char if char.isprintable() else "�" for char in text)


def seconds(value: bytes | None) -> int | None:
    """Return a number of seconds from 1 to a week, or ``None``."""
    text = (value or b"").decode(errors="replace")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
    return number if number is not None and 0 < number <= _LONGEST_S else None


def moment(value: bytes | None) -> datetime | None:
    """Return a moment, or ``None``."""
    try:
        return str_to_date(value) if value else None
    except (ValueError, TypeError, OverflowError):
        return None


def status_of(value: bytes | None) -> JobStatus:
    """Return a job's status; what is none counts as just created."""
    try:
        return JobStatus((value or b"created").decode(errors="replace"))
    except ValueError:
        return JobStatus.CREATED
