"""``python -m project.stack``: run the shop as in production, on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from project.stack.parts import PartFailed, private_folder
from project.stack.signals import stopping_on_signals, wait_for_ever
from project.stack.stack import RunningStack, stack


def main() -> int:
    """Start everything, print where it is, wait."""
    parser = argparse.ArgumentParser(prog="python -m project.stack", description=__doc__)
    parser.add_argument("--data", type=Path, help="keep all data in this folder (default: a temporary one)")
    parser.add_argument("--port", type=int, help="port of the web server (default: a free one)")
    parser.add_argument("--check", action="store_true", help="start everything, then stop")
    arguments = parser.parse_args()
    try:
        with (
            stopping_on_signals(),
            private_folder(arguments.data) as folder,
            stack(
                folder, lambda step: print(f"starting: {step}", flush=True), arguments.port, tasks_in_idle_time=True
            ) as up,
        ):
            _print_addresses(up)
            if not arguments.check:
                wait_for_ever(up.children)
        print("stopped", flush=True)
    except PartFailed as error:
        print(f"The stack cannot run. {error}", file=sys.stderr)
        return 1
    return 0


def _print_addresses(up: RunningStack) -> None:
    print(
        f"""
    shop      {up.url}/
    admin     {up.url}/admin/          login: demo / demo
    jobs      {up.url}/admin/django_rq/dashboard/
    S3 server {up.s3.endpoint}  bucket {up.s3.bucket}, key {up.s3.access_key}
    logs      {up.shop.folder}

The example plugins are uploaded, and off until you enable them. To enable one, open it in the admin, read
what it asks for and grant that: {up.url}/admin/wasm_plugins/plugin/

Ctrl-C stops everything.""",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
