-- The tables that the plugin asks for, as the shop has them, with two orders.
CREATE TABLE shop_order (id INTEGER PRIMARY KEY, total_cents INTEGER NOT NULL);
CREATE TABLE shop_loyaltypoints (
    id INTEGER PRIMARY KEY,
    order_id INTEGER NOT NULL,
    points INTEGER NOT NULL,
    created_at TEXT NOT NULL
);
INSERT INTO shop_order VALUES (1, 4242), (2, 99);
