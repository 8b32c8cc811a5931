//! Where a result is kept, for the gateway to sign a link to it.

use axum::extract::State;
use convert::Format;
use platform::service::{ApiError, ApiJson, ApiPath, Outcome, internal::OnBehalfOf};
use wire::{
    Code, JobId,
    conversions::{JobState, StoredResult},
};

use crate::{jobs, row::JobRow, state::App};

pub(crate) async fn show(
    State(app): State<App>,
    OnBehalfOf(user): OnBehalfOf,
    ApiPath(id): ApiPath<JobId>,
) -> Outcome<ApiJson<StoredResult>> {
    let row = jobs::of(&app, user, id).await?;
    let job = row.job();
    let (Some(key), Some(bytes), Some(sha256)) = (row.result_key.clone(), job.bytes_out, job.sha256) else {
        return Err(none_yet(&row));
    };
    let (extension, media_type) = match job.to.parse::<Format>() {
        Ok(format) => (format.extension(), format.mime()),
        // A format that a later version knew.
        Err(_) => (job.to.as_str(), "application/octet-stream"),
    };
    let name = named(&job.name, extension);
    Ok(ApiJson(StoredResult { key, name, bytes, sha256, media_type: media_type.to_owned() }))
}

/// Why there is no result, and whether there will be one.
fn none_yet(row: &JobRow) -> ApiError {
    let refused = jobs::wrong_state(row, "downloaded");
    match (row.state(), row.job().error) {
        (JobState::Failed, Some(error)) => {
            ApiError::new(Code::WrongState, format!("the conversion failed: {}", error.detail))
        }
        (state, _) if state.is_final() => refused.hint("have it done again, or look at its report"),
        _ => refused.hint("wait until it is completed"),
    }
}

/// The upload's name with the ending of the result: `notes.md` becomes `notes.pdf`.
pub(crate) fn named(upload: &str, extension: &str) -> String {
    let stem = match upload.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && Format::from_name(&format!("x.{ending}")).is_some() => {
            stem
        }
        _ => upload,
    };
    format!("{stem}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_ending_that_is_one_is_replaced() {
        assert_eq!(named("notes.md", "pdf"), "notes.pdf");
        assert_eq!(named("Mr. Smith", "pdf"), "Mr. Smith.pdf");
        assert_eq!(named("v1.2.docx", "pdf"), "v1.2.pdf");
        assert_eq!(named(".md", "pdf"), ".md.pdf");
        assert_eq!((named("all.zip", "zip"), named("a.md", "zip")), ("all.zip".into(), "a.zip".into()));
    }
}
