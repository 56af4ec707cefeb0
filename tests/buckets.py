"""Many objects in a real bucket, quickly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from project.stack.s3 import S3Plan


@contextmanager
def filled_bucket(plan: S3Plan, objects: Mapping[str, bytes]) -> Iterator[None]:
    """Put objects, by key, into a bucket, and empty it again."""
    client: Any = plan.client()
    with ThreadPoolExecutor(8) as threads:
        list(
            threads.map(lambda pair: client.put_object(Bucket=plan.bucket, Key=pair[0], Body=pair[1]), objects.items())
        )
    yield
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=plan.bucket)
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    for at in range(0, len(keys), 500):
        names = [{"Key": key} for key in keys[at : at + 500]]
        client.delete_objects(Bucket=plan.bucket, Delete={"Objects": names})
