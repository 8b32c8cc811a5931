//! Nutrient's processor (once PSPDFKit's API): one document and instructions in, one document out, with a key.

use std::path::Path;

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::json;

use super::answer::{Tried, fetch};
use super::{Remote, document};
use crate::{Error, Request};

const ROUTE: &str = "build";

pub(super) async fn once(remote: &Remote, req: &Request, made: &Path) -> Result<Tried<()>, Error> {
    let instructions = json!({
        "parts": [{ "file": "document" }],
        "output": { "type": req.to.extension() },
    });
    let form =
        Form::new().text("instructions", instructions.to_string()).part("document", document(req).await?);
    fetch(remote, remote.request(Method::POST, ROUTE).multipart(form), made).await
}
