//! A plugin for Windmill, written against Windmill's own WIT files and nothing else: it must run here as it is.

use exports::plugins_manager::common::plugin_common;
use plugins_manager::common::types::{Manifest, PluginRoute};
use plugins_manager::jwt::authorization::authorize;
use plugins_manager::transactions_manager::transaction;
use serde_json::Value;

wit_bindgen::generate!({ world: "windmill-legacy", path: "wit", generate_all });

const TALLY: &str = "SELECT id, total_cents FROM shop_order WHERE total_cents >= $1 ORDER BY id";

struct Legacy;

export!(Legacy);

impl plugin_common::Guest for Legacy {
    fn get_manifest() -> Manifest {
        let route = |path: &str, handler: &str, process_as_task| PluginRoute {
            path: path.into(),
            handler: handler.into(),
            process_as_task,
        };
        Manifest {
            plugin_name: "windmill-legacy".into(),
            hooks: vec!["my-hook".into()],
            routes: vec![
                route("/windmill-legacy/tally", "tally", true),
                route("/windmill-legacy/check", "check", false),
            ],
            tasks: vec!["tally".into()],
        }
    }
}

impl Guest for Legacy {
    /// Answers with its two arguments, such as `42: gift`; refuses an empty text.
    fn my_hook(arg1: i32, arg2: String) -> Result<String, String> {
        if arg2.is_empty() {
            return Err("arg2 is empty".into());
        }
        Ok(format!("{arg1}: {arg2}"))
    }

    /// Answers with the orders of at least `min_cents`, if the caller has all of `permissions`.
    fn tally(input: String) -> Result<String, String> {
        let input = parse(&input)?;
        authorize_caller(&input)?;
        let min_cents = input["min_cents"].as_i64().unwrap_or(0);
        transaction::create_hasura_transaction()?;
        let rows = transaction::execute_hasura_query(TALLY, &[min_cents.to_string()])?;
        transaction::commit_hasura_transaction()?;
        Ok(rows)
    }

    /// Answers ok if the caller has all of `permissions`, else err.
    fn check(input: String) -> Result<(), String> {
        authorize_caller(&parse(&input)?)
    }
}

/// Asks the host about the caller, with `claims`, `tenant_id` and `permissions` of the input.
fn authorize_caller(input: &Value) -> Result<(), String> {
    let permissions: Vec<String> = input["permissions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|permission| permission.as_str().map(String::from))
        .collect();
    let claims = input["claims"].to_string();
    authorize(&claims, true, input["tenant_id"].as_str(), &permissions)
}

fn parse(input: &str) -> Result<Value, String> {
    serde_json::from_str(input).map_err(|error| error.to_string())
}
