//! Takes steps that a test writes as JSON, requests and statements, and answers what came of each.

use exports::plugins_manager::common::plugin_common::Guest as PluginCommon;
use plugins_manager::common::types::{Manifest, PluginRoute};
use plugins_manager::transactions_manager::transaction;
use serde_json::{Value, json};
use wasi::http::outgoing_handler;
use wasi::http::types::{
    ErrorCode, Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};
use wasi::io::streams::StreamError;

wit_bindgen::generate!({ path: "wit", world: "fetcher", generate_all });

struct Fetcher;

impl PluginCommon for Fetcher {
    fn get_manifest() -> Manifest {
        Manifest {
            plugin_name: "fetcher".into(),
            hooks: vec!["fetch-now".into()],
            routes: vec![PluginRoute {
                path: "/fetcher/fetch".into(),
                handler: "fetch".into(),
                process_as_task: false,
            }],
            tasks: vec!["fetch".into()],
        }
    }
}

impl Guest for Fetcher {
    fn fetch(input: String) -> Result<String, String> {
        let input: Value = serde_json::from_str(&input).map_err(|error| error.to_string())?;
        let steps = input["steps"].as_array().ok_or("there are no steps")?;
        Ok(Value::from(steps.iter().map(take).collect::<Vec<_>>()).to_string())
    }

    fn fetch_now(input: String) -> Result<String, String> {
        Self::fetch(input)
    }
}

fn take(step: &Value) -> Value {
    if let Some(sql) = step["sql"].as_str() {
        return match transaction::execute("default", sql, &[]) {
            Ok(changed) => json!({ "changed": changed }),
            Err(why) => json!({ "refused": why }),
        };
    }
    if step["begin"] == true {
        return json!({ "begun": transaction::begin("default").is_ok() });
    }
    request(step).unwrap_or_else(|why| why)
}

/// Send a request and read its response by the functions that block.
fn request(step: &Value) -> Result<Value, Value> {
    let request = OutgoingRequest::new(headers(step)?);
    let refused = |what: &str| json!({ "refused": what });
    request.set_method(&method(step)).map_err(|()| refused("method"))?;
    request.set_scheme(scheme(step).as_ref()).map_err(|()| refused("scheme"))?;
    request.set_authority(step["authority"].as_str()).map_err(|()| refused("authority"))?;
    request.set_path_with_query(step["path"].as_str()).map_err(|()| refused("path"))?;
    let body = match (step["body"].as_str(), step["zeroes"].as_u64()) {
        (None, None) => None,
        _ => Some(request.body().map_err(|()| refused("body"))?),
    };
    let future = outgoing_handler::handle(request, Some(options(step))).map_err(|code| failed(&code))?;
    if let Some(body) = body {
        write(&body, step).map_err(|error| refused(&error.to_string()))?;
        if step["drop"] != true {
            OutgoingBody::finish(body, None).map_err(|code| failed(&code))?;
        }
    }
    future.subscribe().block();
    let response = future.get().ok_or_else(|| refused("get"))?.map_err(|()| refused("twice"))?;
    read(response.map_err(|code| failed(&code))?)
}

fn failed(code: &ErrorCode) -> Value {
    json!({ "error": format!("{code:?}").trim_start_matches("ErrorCode::") })
}

fn headers(step: &Value) -> Result<Fields, Value> {
    let fields = Fields::new();
    for pair in step["headers"].as_array().into_iter().flatten() {
        let (name, value) = (pair[0].as_str().unwrap(), pair[1].as_str().unwrap());
        fields
            .append(name, value.as_bytes())
            .map_err(|error| json!({ "header": format!("{error:?}").trim_start_matches("HeaderError::") }))?;
    }
    Ok(fields)
}

fn method(step: &Value) -> Method {
    match step["method"].as_str() {
        None | Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        Some("POST") => Method::Post,
        Some("CONNECT") => Method::Connect,
        Some(other) => Method::Other(other.into()),
    }
}

fn scheme(step: &Value) -> Option<Scheme> {
    step["scheme"].as_str().map(|scheme| match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.into()),
    })
}

fn options(step: &Value) -> RequestOptions {
    let options = RequestOptions::new();
    if let Some(ms) = step["first_byte_ms"].as_u64() {
        options.set_first_byte_timeout(Some(ms * 1_000_000)).unwrap();
    }
    options
}

fn write(body: &OutgoingBody, step: &Value) -> Result<(), StreamError> {
    let stream = body.write().unwrap();
    let zeroes = vec![b'0'; step["zeroes"].as_u64().unwrap_or(0) as usize];
    let bytes = step["body"].as_str().map_or(&zeroes[..], str::as_bytes);
    for chunk in bytes.chunks(stream.check_write()? as usize) {
        stream.write(chunk)?;
    }
    stream.blocking_flush()
}

fn read(response: IncomingResponse) -> Result<Value, Value> {
    let headers = response.headers().entries();
    let body = response.consume().unwrap();
    let stream = body.stream().unwrap();
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(16_384) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => break,
            Err(error) => return Err(json!({ "refused": error.to_string() })),
        }
    }
    let pairs: Vec<_> =
        headers.iter().map(|(name, value)| json!([name.to_lowercase(), String::from_utf8_lossy(value)])).collect();
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(2_000)]).into_owned();
    Ok(json!({ "status": response.status(), "headers": pairs, "body": text, "size": bytes.len() }))
}

export!(Fetcher);
