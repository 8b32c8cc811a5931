//! A Gotenberg server: one document in, one PDF out.

use std::path::Path;

use reqwest::Method;
use reqwest::multipart::Form;

use super::answer::{Tried, fetch};
use super::{Remote, document};
use crate::{Error, Request};

/// The route that its LibreOffice answers.
const ROUTE: &str = "forms/libreoffice/convert";

pub(super) async fn once(remote: &Remote, req: &Request, made: &Path) -> Result<Tried<()>, Error> {
    let form = Form::new().part("files", document(req).await?);
    fetch(remote, remote.request(Method::POST, ROUTE).multipart(form), made).await
}
