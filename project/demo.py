"""``make demo``: the shop with two plugins on embedded parts, from nothing to a finished task."""

from __future__ import annotations

import argparse
import contextlib
import html
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from project.plugin_builds import PluginBuild, plugin_builds
from project.stack.parts import Address, PartFailed, free_ports, private_folder
from project.stack.processes import Child
from project.stack.redis import RedisPlan, redis_server
from project.stack.shop import Shop
from project.stack.signals import stopping_on_signals, wait_for_ever
from project.visitor import Answer, Visitor

PLUGINS = ("loyalty", "shipping")
_TASK_SECONDS = 60


class DemoFailed(Exception):
    """A step did not do what the demo says it does."""


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
                _show(shop, Visitor(url), builds)
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
        _say(f"{build.name}: component is there")
        return build
    tool = build.missing_tool()
    if tool is not None:
        raise PartFailed(build.name, f"{tool} is not installed")
    _say(f"{build.name}: building, takes about 15 s")
    build.build()
    return build


@contextlib.contextmanager
def _running_shop(folder: Path, address: Address) -> Iterator[tuple[Shop, str, list[Child]]]:
    """Run the shop on SQLite, a folder of plugins and a Redis-protocol server until the block ends."""
    queue = RedisPlan()
    variables = {"SHOP_DATA": str(folder), "SHOP_REDIS_URL": queue.url, "SHOP_DEMO": "1"}
    shop = Shop(folder, variables)
    with contextlib.ExitStack() as parts:
        _say("starting a Redis-protocol server")
        parts.enter_context(redis_server(queue, folder))
        _say("creating the SQLite database")
        shop.manage("migrate", "--verbosity=0")
        shop.manage("shop_setup")
        _say("starting worker, scheduler and web server")
        children = [parts.enter_context(shop.worker()), parts.enter_context(shop.scheduler())]
        children.append(parts.enter_context(shop.web(address)))
        try:
            yield shop, f"http://{address.host}:{address.port}", children
        except DemoFailed:
            for child in children:
                print(f"\nlast lines of {child.name}:\n{child.last_lines()}", file=sys.stderr)
            raise


def _show(shop: Shop, visitor: Visitor, builds: list[PluginBuild]) -> None:
    """Go through what plugins can do, asserting every step."""
    before = _place_order(visitor, note="first")
    _expect(_total(before) == "€7.90" and "No plugin answered" in before.text, "price without plugins", before)
    _say(f"order without plugins: {_total(before)}")

    _enable(shop, builds)
    after = _place_order(visitor, note="gift")
    _expect(_total(after) == "€12.80", "the shipping plugin adds €4.90", after)
    _expect(_cell(after, "points") == "12", "the loyalty plugin wrote 12 points", after)
    _say(f"the same order with plugins: {_total(after)}, {_cell(after, 'points')} loyalty points")

    refused = _checkout(visitor, note="please fail")
    _expect(refused.status == 422 and "not placed" in refused.text, "a plugin's error cancels the order", refused)
    missing = visitor.get("/orders/3/")
    _expect(missing.status == 404, "neither order nor points were saved", missing)
    _say("an order that a plugin refused: rolled back, order and points together")

    _show_route_and_tasks(shop, visitor)


def _show_route_and_tasks(shop: Shop, visitor: Visitor) -> None:
    page = visitor.get("/plugins/loyalty/page")
    _expect(page.status == 200 and "<h1>Loyalty points</h1>" in page.text, "the plugin's page is served", page)
    _say(f"a page that a plugin serves: {page.url}")

    output = shop.manage("plugins", "run-task", "loyalty", "recount", "{}", "--wait")
    _say(f"a task, run by a worker: {' '.join(output.split())}")

    visitor.log_in("demo", "demo")
    accepted = visitor.post_json("/plugins/shipping/labels", {"order_ids": [1, 2]})
    _expect(accepted.status == 202, "a route that runs as a task answers 202", accepted)
    finished = _wait_for_task(visitor, accepted)
    _expect("SHP-00000002" in finished.text, "the task made the labels", finished)
    _say("a route as a background task: accepted with 202, and its labels are ready")


def _enable(shop: Shop, builds: list[PluginBuild]) -> None:
    _say("uploading the plugins; each is checked and compiled in a process with bounds")
    shop.manage("plugins", "upload", *(str(build.component) for build in builds))
    shop.manage("plugins", "sync")
    for build in builds:
        shop.manage("plugins", "enable", build.name, "--grant", "requested")
        _say(f"{build.name}: enabled, with the capabilities that it asked for")
    time.sleep(1.5)  # Every process notices within a second.


def _checkout(visitor: Visitor, note: str) -> Answer:
    visitor.get("/")
    return visitor.post_form("/", email="ada@example.org", note=note, **{"quantity-honey": "1"})


def _place_order(visitor: Visitor, note: str) -> Answer:
    answer = _checkout(visitor, note)
    _expect(answer.status == 200 and "/orders/" in answer.url, "the order is placed", answer)
    return answer


def _wait_for_task(visitor: Visitor, accepted: Answer) -> Answer:
    url = accepted.headers.get("location") or accepted.json()["status_url"]
    give_up_at = time.monotonic() + _TASK_SECONDS
    while time.monotonic() < give_up_at:
        answer = visitor.get(url)
        _expect(answer.status == 200, "the task's state can be asked for", answer)
        if answer.json()["status"] in ("finished", "failed"):
            return answer
        time.sleep(0.25)
    raise DemoFailed(f"the task did not finish within {_TASK_SECONDS} s")


def _total(order_page: Answer) -> str:
    return _cell(order_page, "total")


def _cell(page: Answer, element_id: str) -> str:
    found = re.search(rf'id="{element_id}"[^>]*>([^<]*)<', page.text)
    return html.unescape(found[1]).strip() if found else ""


def _expect(is_so: bool, what: str, answer: Answer) -> None:
    if not is_so:
        words = " ".join(re.sub(r"<[^>]*>", " ", answer.text).split())
        raise DemoFailed(f"expected: {what}; but {answer.url} answered {answer.status}: {words[:1500]}")


def _say(step: str) -> None:
    print(f"• {step}", flush=True)


def _print_addresses(url: str, folder: Path) -> None:
    print(
        f"""
Everything runs. Have a look:

    shop      {url}/
    admin     {url}/admin/                     login: demo / demo
    page      {url}/plugins/loyalty/page
    jobs      {url}/admin/django_rq/dashboard/
    logs      {folder}

Ctrl-C stops everything and removes its data.""",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
