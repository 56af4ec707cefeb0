"""``make demo``: the shop with four plugins on embedded parts, from nothing to a finished task."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from project.demo_tour import DemoFailed, say, show
from project.plugin_builds import BuildFailed, PluginBuild, plugin_builds
from project.stack.parts import Address, PartFailed, free_ports, private_folder
from project.stack.processes import Child
from project.stack.redis import RedisPlan, redis_server
from project.stack.shop import Shop
from project.stack.signals import stopping_on_signals, wait_for_ever
from project.visitor import Visitor

PLUGINS = ("loyalty", "order-limits", "shipping", "volume-discount")


def main() -> int:
    """Run the demo; with ``--check`` stop after the last step."""
    parser = argparse.ArgumentParser(prog="python -m project.demo", description=__doc__)
    parser.add_argument("--check", action="store_true", help="assert every step, then stop everything")
    parser.add_argument("--port", type=int, help="port of the web server (default: a free one)")
    arguments = parser.parse_args()
    done = False
    try:
        with stopping_on_signals(), private_folder() as folder:
            builds = [_built(build) for build in plugin_builds(PLUGINS)]
            with _running_shop(folder, Address(arguments.port or free_ports(1)[0])) as (shop, url, children):
                show(shop, Visitor(url), builds)
                done = True
                if not arguments.check:
                    _print_addresses(url, folder)
                    wait_for_ever(children)
    except (PartFailed, DemoFailed) as error:
        print(f"\nThe demo stopped: {error}", file=sys.stderr)
        return 1
    if arguments.check and not done:
        print("\nStopped before every step was done.", file=sys.stderr)
        return 1
    print("\nEvery step worked, and everything is stopped." if arguments.check else "\nStopped.")
    return 0


def _built(build: PluginBuild) -> PluginBuild:
    """Build a plugin unless it is there."""
    if build.is_up_to_date():
        say(f"{build.name}: component is there")
        return build
    say(f"{build.name}: building, takes about 15 s")
    try:
        build.build()
    except BuildFailed as error:
        raise PartFailed(build.name, str(error)) from error
    return build


@contextlib.contextmanager
def _running_shop(folder: Path, address: Address) -> Iterator[tuple[Shop, str, list[Child]]]:
    """Run the shop on SQLite, a folder of plugins and a Redis-protocol server until the block ends."""
    queue = RedisPlan()
    variables = {"SHOP_DATA": str(folder), "SHOP_REDIS_URL": queue.url, "SHOP_DEMO": "1"}
    shop = Shop(folder, variables)
    with contextlib.ExitStack() as parts:
        say("starting a Redis-protocol server")
        parts.enter_context(redis_server(queue, folder))
        say("creating the SQLite database")
        shop.manage("migrate", "--verbosity=0")
        shop.manage("shop_setup")
        say("starting worker, scheduler and web server")
        children = [parts.enter_context(shop.worker()), parts.enter_context(shop.scheduler())]
        children.append(parts.enter_context(shop.web(address)))
        try:
            yield shop, f"http://{address.host}:{address.port}", children
        except DemoFailed:
            for child in children:
                print(f"\nlast lines of {child.name}:\n{child.last_lines()}", file=sys.stderr)
            raise


def _print_addresses(url: str, folder: Path) -> None:
    print(
        f"""
Everything runs. Have a look:

    shop      {url}/
    admin     {url}/admin/                     login: demo / demo
    plugins   {url}/admin/wasm_plugins/plugin/
    page      {url}/plugins/loyalty/page
    jobs      {url}/admin/django_rq/dashboard/
    logs      {folder}

Ctrl-C stops everything and removes its data.""",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
