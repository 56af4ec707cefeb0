"""Something to buy."""

from __future__ import annotations

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

PRODUCTS = (
    ("coffee-beans", "Coffee beans, 1 kg", 1890, 120),
    ("teapot", "Teapot", 3450, 14),
    ("honey", "Forest honey", 790, 60),
    ("rye-bread", "Rye bread", 420, 25),
    ("linen-towel", "Linen towel", 1250, 8),
    ("candle", "Beeswax candle", 640, 40),
)


def add_products(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Add the products that are not there yet."""
    products = apps.get_model("shop", "Product").objects.using(schema_editor.connection.alias)
    for sku, name, price_cents, stock in PRODUCTS:
        products.get_or_create(sku=sku, defaults={"name": name, "price_cents": price_cents, "stock": stock})


class Migration(migrations.Migration):
    """Data only; going back leaves the products, since orders may name them."""

    dependencies = (("shop", "0001_initial"),)

    operations = (migrations.RunPython(add_products, migrations.RunPython.noop),)
