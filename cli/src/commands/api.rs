//! `mshub api`: any call of the HTTP API, signed as the person who is signed in.

use clap::Args;
use client::Method;
use serde_json::{Map, Value};

use crate::{
    error::{CliError, Kind},
    files,
    global::Global,
};

/// What is larger goes through the commands made for it.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Call the HTTP API directly; the calls are listed at /docs of the hub
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  mshub api /api/v1/me
  mshub api /api/v1/rooms -f name=general
  mshub api /api/v1/rooms/general/join -X POST
  echo '{\"bio\":\"hi\"}' | mshub api /api/v1/me -X PATCH --input -")]
pub struct ApiArgs {
    /// The path, with its query
    pub path: String,
    /// The method; POST when there is a body, GET otherwise
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub method: Option<String>,
    /// A text field of the JSON body
    #[arg(short = 'f', long = "field", value_name = "KEY=TEXT")]
    pub fields: Vec<String>,
    /// A field of the JSON body that is JSON itself, such as private=true
    #[arg(short = 'F', long = "json-field", value_name = "KEY=JSON")]
    pub json_fields: Vec<String>,
    /// The body from a file, - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fields", "json_fields"])]
    pub input: Option<String>,
}

/// Calls, and prints.
pub async fn run(args: ApiArgs, global: &Global) -> Result<(), CliError> {
    let body = body(&args).await?;
    let method = match (&args.method, &body) {
        (Some(method), _) => Method::from_bytes(method.to_uppercase().as_bytes())
            .map_err(|_| CliError::usage(format!("`{method}` is not an HTTP method")))?,
        (None, Some(_)) => Method::POST,
        (None, None) => Method::GET,
    };
    let (_, answer) = global.hub()?.api(method, &args.path, body).await?;
    if global.out.is_json() {
        return global.out.json(&answer);
    }
    match answer {
        Value::Null => Ok(()),
        // What ends its line already gets no second end.
        Value::String(text) => global.out.line(text.strip_suffix('\n').unwrap_or(&text)),
        answer => global.out.line(format!("{answer:#}")),
    }
}

async fn body(args: &ApiArgs) -> Result<Option<Value>, CliError> {
    if let Some(file) = &args.input {
        let text = files::read(file, LARGEST).await?;
        let body = serde_json::from_slice(&text)
            .map_err(|why| CliError::new(Kind::Rejected, format!("{file} is not JSON: {why}")))?;
        return Ok(Some(body));
    }
    if args.fields.is_empty() && args.json_fields.is_empty() {
        return Ok(None);
    }
    let mut body = Map::new();
    for field in &args.fields {
        let (key, text) = pair(field)?;
        body.insert(key, Value::String(text));
    }
    for field in &args.json_fields {
        let (key, text) = pair(field)?;
        let value = serde_json::from_str(&text).map_err(|why| {
            CliError::usage(format!("{field}: not JSON: {why}")).hint("text goes into -f KEY=TEXT")
        })?;
        body.insert(key, value);
    }
    Ok(Some(Value::Object(body)))
}

fn pair(field: &str) -> Result<(String, String), CliError> {
    let (key, value) =
        field.split_once('=').ok_or_else(|| CliError::usage(format!("`{field}` is not KEY=VALUE")))?;
    Ok((key.to_owned(), value.to_owned()))
}
