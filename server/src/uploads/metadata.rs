//! `Upload-Metadata`: what is wanted of the file, as pairs of a name and a value in base64.

use axum::{
    extract::Query,
    http::{HeaderMap, Uri},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use platform::service::{ApiError, Outcome};
use wire::{
    Code, conversions::NewConversion, document_password::DOCUMENT_PASSWORD, uploads::UPLOAD_METADATA,
};

/// Bytes of the header.
const LONGEST: usize = 8192;
/// What clients say of every file, and what nobody here needs to know.
const USUAL: [&str; 4] = ["filetype", "type", "relativePath", "lastModified"];

/// The header as it was sent, and what it means together with the query.
pub(super) fn read(headers: &HeaderMap, query: Option<&str>) -> Outcome<(Option<String>, NewConversion)> {
    let said =
        headers.get(UPLOAD_METADATA).map(|value| value.to_str().map_err(|_| unreadable())).transpose()?;
    let said = said.filter(|said| !said.trim().is_empty());
    if said.is_some_and(|said| said.len() > LONGEST) {
        return Err(ApiError::new(
            Code::BadRequest,
            format!("Upload-Metadata has more than {LONGEST} bytes"),
        ));
    }
    let mut pairs = url::form_urlencoded::Serializer::new(query.unwrap_or_default().to_owned());
    for pair in said.unwrap_or_default().split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = BASE64_STANDARD.decode(value.trim()).map_err(|_| unreadable())?;
        let value = String::from_utf8(value).map_err(|_| unreadable())?;
        match name {
            "filename" => pairs.append_pair("name", &value),
            name if USUAL.contains(&name) => &mut pairs,
            name => pairs.append_pair(name, &value),
        };
    }
    let uri = Uri::builder().path_and_query(format!("/?{}", pairs.finish())).build();
    let Query(wish) = Query::<NewConversion>::try_from_uri(&uri.map_err(|_| unreadable())?)?;
    if wish.password.is_some() {
        let detail = "Upload-Metadata is no place for a password: it is told again to whoever asks";
        return Err(ApiError::new(Code::InvalidField, detail)
            .field("/password", "must not be in Upload-Metadata or in the URL")
            .hint(format!("send it, percent-encoded, in the header {DOCUMENT_PASSWORD}")));
    }
    Ok((said.map(str::to_owned), wish))
}

fn unreadable() -> ApiError {
    ApiError::new(Code::BadRequest, "the header Upload-Metadata cannot be read")
        .hint("write pairs of a name and a value in base64, with commas between them")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(metadata: &'static str, query: Option<&str>) -> Result<NewConversion, String> {
        let headers = HeaderMap::from_iter([(UPLOAD_METADATA.parse().unwrap(), metadata.parse().unwrap())]);
        read(&headers, query).map(|(_, wish)| wish).map_err(|error| error.problem().code.clone())
    }

    #[test]
    fn what_a_client_says_and_what_the_url_says_is_one_wish() {
        // report & co.docx, application/x, true
        let wish = said(
            "filename cmVwb3J0ICYgY28uZG9jeA==,filetype YXBwbGljYXRpb24veA==, strict dHJ1ZQ==",
            Some("to=pdf"),
        );

        let wish = wish.unwrap();
        assert_eq!((wish.name.as_str(), wish.to.as_str(), wish.strict), ("report & co.docx", "pdf", true));
    }

    #[test]
    fn odd_wishes_and_passwords_are_refused() {
        let code = |code: Code| Err(code.name().to_owned());
        let refused = |metadata, query| said(metadata, query).map(drop);

        assert_eq!(refused("colour Ymx1ZQ==", None), code(Code::BadRequest));
        assert_eq!(refused("filename *", None), code(Code::BadRequest));
        assert_eq!(refused("password eA==", Some("to=pdf")), code(Code::InvalidField));
        assert_eq!(refused("", Some("to=pdf")), Ok(()));
    }
}
