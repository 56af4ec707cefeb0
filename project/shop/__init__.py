"""Products, orders and loyalty points; the checkout calls two hooks."""
