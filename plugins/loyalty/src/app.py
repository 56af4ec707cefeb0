"""A loyalty programme for a shop: one point for every whole euro of an order."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from html import escape

from componentize_py_types import Err
from wit_world import WitWorld as World
from wit_world import exports
from wit_world.imports import logging, progress, transaction
from wit_world.imports.http import Body_Text, Request, Response
from wit_world.imports.transaction import Value, Value_Integer, Value_Timestamp
from wit_world.imports.types import Manifest, PluginRoute

DATABASE = "default"

ALL_POINTS = "SELECT order_id, points FROM shop_loyaltypoints ORDER BY order_id"
ONE_ORDER = "SELECT points FROM shop_loyaltypoints WHERE order_id = $1"
ALL_ORDERS = "SELECT id FROM shop_order ORDER BY id"
ORDER_TOTAL = "SELECT total_cents FROM shop_order WHERE id = $1"
CHANGE_POINTS = "UPDATE shop_loyaltypoints SET points = $2 WHERE order_id = $1"
ADD_POINTS = "INSERT INTO shop_loyaltypoints (order_id, points, created_at) VALUES ($1, $2, $3)"
DROP_ORPHANS = "DELETE FROM shop_loyaltypoints WHERE order_id NOT IN (SELECT id FROM shop_order)"


class PluginCommon(exports.PluginCommon):
    """The interface that every plugin exports."""

    def get_manifest(self) -> Manifest:
        """Say what the plugin offers; every name in here is a method of `WitWorld`."""
        return Manifest(
            plugin_name="loyalty",
            hooks=["order-placed", "order-extras"],
            routes=[
                PluginRoute(path="/loyalty/page", handler="page", process_as_task=False),
                PluginRoute(path="/loyalty/points", handler="points", process_as_task=False),
            ],
            tasks=["recount"],
        )


class WitWorld(World):
    """The functions of `wit/world.wit`. To answer `err`, raise `Err`; any other exception is a crash."""

    def order_placed(self, order_id: int, note: str) -> str:
        """Credit the points of a new order, in the transaction that saves the order."""
        points = credit(order_id)
        misbehave_if_asked(note)
        return f"{points} points"

    def order_extras(self, order_id: int) -> str | None:
        """Thank for an order with its points, as a fragment of the shop's page; an order without any gets nothing."""
        found = query(ONE_ORDER, Value_Integer(order_id))
        return THANKS.format(points=found[0][0]) if found else None

    def page(self, request: Request) -> Response:
        """Show every order's points as HTML. Whatever comes from elsewhere is escaped."""
        visitor = json.loads(request.claims).get("username") or "visitor"
        credited = query(ALL_POINTS)
        rows = "".join(f"<tr><td>{order_id}</td><td>{points}</td></tr>\n" for order_id, points in credited)
        html = PAGE.format(visitor=escape(visitor), rows=rows, total=sum(points for _, points in credited))
        return Response(200, [("content-type", "text/html; charset=utf-8")], Body_Text(html))

    def points(self, input: str) -> str:
        """Count orders and points. The host put `claims` into the input: they say who asks."""
        claims = json.loads(input).get("claims") or {}
        credited = query(ALL_POINTS)
        total = sum(points for _, points in credited)
        return json.dumps({"orders": len(credited), "points": total, "for": claims.get("username", "")})

    def recount(self, input: str) -> str:
        """Make the points agree with the orders, and show how far it is."""
        orders = query(ALL_ORDERS)
        log(f"recounting {len(orders)} orders")
        total = 0
        for done, (order_id,) in enumerate(orders, start=1):
            total += credit(order_id)
            show_progress(done, len(orders))
        dropped = transaction.execute(DATABASE, DROP_ORPHANS, [])
        log(f"{len(orders)} orders have {total} points; dropped the points of {dropped} that are gone")
        return json.dumps({"orders": len(orders), "points": total})


def credit(order_id: int) -> int:
    """Store the points of one order, in place of those it had, and return them."""
    found = query(ORDER_TOTAL, Value_Integer(order_id))
    if not found:
        raise Err(f"there is no order {order_id}")
    points = found[0][0] // 100
    order, worth = Value_Integer(order_id), Value_Integer(points)
    if not transaction.execute(DATABASE, CHANGE_POINTS, [order, worth]):
        now = Value_Timestamp(datetime.now(UTC).isoformat())
        transaction.execute(DATABASE, ADD_POINTS, [order, worth, now])
    return points


def query(sql: str, *params: Value) -> list[list[int]]:
    """Run a `SELECT` whose columns are all whole numbers, and return its rows."""
    found = transaction.query(DATABASE, sql, list(params))
    return [[cell.value for cell in row] for row in found.rows]


def show_progress(done: int, of: int) -> None:
    """Show how far the task is. Where nobody is there to see it, that is no reason to stop."""
    with suppress(Err):
        progress.report(100 * done // of, f"{done} of {of} orders")


def log(message: str) -> None:
    """Write one line to the plugin's log."""
    logging.log(logging.Level.INFO, "loyalty", message)


def misbehave_if_asked(note: str) -> None:
    """Fail on request, after the points were written: the host undoes them, and the shop goes on."""
    match note:
        case "please fail":
            raise Err("failed, as the note asked")
        case "please crash":
            raise RuntimeError("crashed, as the note asked")
        case "please spin":
            while True:
                pass


THANKS = """<p>You earned <strong>{points} points</strong> with this order.
<a href="/plugins/loyalty/page">See all points</a></p>"""

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Loyalty points</title></head>
<body>
<h1>Loyalty points</h1>
<p>Hello, {visitor}.</p>
<table>
<thead><tr><th>Order</th><th>Points</th></tr></thead>
<tbody>
{rows}</tbody>
<tfoot><tr><th>Total</th><td>{total}</td></tr></tfoot>
</table>
</body>
</html>
"""
