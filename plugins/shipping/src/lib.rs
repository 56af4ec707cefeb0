//! Shipping costs for a shop: an order below 50.00 pays 4.90 for shipping, a larger one pays nothing.

use exports::plugins_manager::common::plugin_common;
use plugins_manager::common::types::{Manifest, PluginRoute};
use plugins_manager::tasks::progress;
use serde_json::{Value, json};
use wasi::logging::logging::{Level, log};

wit_bindgen::generate!({ world: "shipping", path: "wit", generate_all });

/// What shipping costs, in cents.
const SHIPPING_CENTS: i64 = 490;

/// The price from which on shipping is free, in cents.
const FREE_FROM_CENTS: i64 = 5_000;

/// The plugin. It keeps nothing between calls: the host starts it afresh for each.
struct Shipping;

export!(Shipping);

impl plugin_common::Guest for Shipping {
    /// Says what the plugin offers; every name in here is a function of `Guest` below.
    fn get_manifest() -> Manifest {
        let route = |path: &str, handler: &str, process_as_task| PluginRoute {
            path: path.into(),
            handler: handler.into(),
            process_as_task,
        };
        Manifest {
            plugin_name: "shipping".into(),
            hooks: vec!["order-price".into()],
            routes: vec![
                route("/shipping/quote", "quote", false),
                route("/shipping/labels", "labels", true),
            ],
            tasks: vec![],
        }
    }
}

impl Guest for Shipping {
    /// Adds shipping to the price. What the order consists of makes no difference to this shop.
    fn order_price(price_cents: i64, _items: String) -> Result<i64, String> {
        Ok(price_cents + shipping_cents(price_cents))
    }

    /// Answers `{"price_cents": 4200}` with the costs of shipping.
    fn quote(input: String) -> Result<String, String> {
        let price_cents = parse(&input)?["price_cents"]
            .as_i64()
            .ok_or("price_cents must be a whole number of cents")?;
        let shipping_cents = shipping_cents(price_cents);
        Ok(json!({
            "price_cents": price_cents,
            "shipping_cents": shipping_cents,
            "total_cents": price_cents + shipping_cents,
            "free_from_cents": FREE_FROM_CENTS,
        })
        .to_string())
    }

    /// Answers `{"order_ids": [17, 18]}` with a label for each order's parcel, and shows how far it is.
    fn labels(input: String) -> Result<String, String> {
        let input = parse(&input)?;
        let order_ids = input["order_ids"]
            .as_array()
            .ok_or("order_ids must be a list of order numbers")?;
        let mut labels = Vec::with_capacity(order_ids.len());
        for order_id in order_ids {
            let order_id = order_id
                .as_u64()
                .ok_or_else(|| format!("{order_id} is no order number"))?;
            labels.push(json!({ "order_id": order_id, "label": label(order_id) }));
            show_progress(labels.len(), order_ids.len());
        }
        log(
            Level::Info,
            "labels",
            &format!("made {} labels", labels.len()),
        );
        Ok(json!({ "labels": labels }).to_string())
    }
}

/// What shipping costs at this price, both in cents.
fn shipping_cents(price_cents: i64) -> i64 {
    if price_cents < FREE_FROM_CENTS {
        SHIPPING_CENTS
    } else {
        0
    }
}

/// The text on a parcel: the order's number and a check digit, so that a misread label is noticed.
fn label(order_id: u64) -> String {
    format!("SHP-{order_id:08}-{}", order_id % 97 % 10)
}

/// Shows how far the task is. Where nobody is there to see it, that is no reason to stop.
fn show_progress(done: usize, of: usize) {
    let _ = progress::report((100 * done / of) as u8, &format!("{done} of {of} labels"));
}

/// Parses what the host sent. An `Err` of a handler is shown to the caller, with status 422.
fn parse(input: &str) -> Result<Value, String> {
    serde_json::from_str(input).map_err(|error| format!("the input is not JSON: {error}"))
}
