//! What the conversion engines refuse, as answers to whoever uploads.

use convert::Error;
use platform::service::ApiError;
use wire::Code;

/// The answer for a document, or a wish, that cannot be taken. Failures of ours become `Internal`.
pub(crate) fn refusal(error: Error) -> ApiError {
    let code = match &error {
        Error::Empty => Code::EmptyFile,
        Error::Encrypted | Error::WrongPassword => Code::EncryptedFile,
        Error::Corrupt { .. } => Code::CorruptFile,
        Error::Unsupported { .. } | Error::Exposed { .. } => Code::UnsupportedPair,
        Error::ConsentNeeded { .. } => Code::ConsentNeeded,
        Error::Mislabelled { .. } => Code::Mislabelled,
        Error::LimitExceeded { .. } => Code::BombFile,
        Error::NoSuchPage { .. } => Code::InvalidField,
        Error::InputMissing { .. } => Code::Conflict,
        Error::LowFidelity { .. }
        | Error::Timeout { .. }
        | Error::Crashed { .. }
        | Error::EngineDown { .. }
        | Error::Cancelled
        | Error::Io { .. } => {
            return anyhow::Error::new(error).context("an upload could not be looked at").into();
        }
    };
    // The engines say what failed, a semicolon, and what to do next.
    let said = error.to_string();
    match said.rsplit_once("; ") {
        Some((detail, hint)) => ApiError::new(code, detail).hint(hint),
        None => ApiError::new(code, said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do_next() {
        let refused = refusal(Error::Mislabelled { said: "pdf".into(), found: "png".into() });

        assert_eq!(refused.problem().code, Code::Mislabelled.name());
        assert!(refused.problem().detail.contains("png"), "{refused:?}");
        assert!(
            refused.problem().hint.as_deref().is_some_and(|hint| hint.contains("--from png")),
            "{refused:?}"
        );
    }

    #[test]
    fn a_failure_of_ours_does_not_show_its_paths() {
        let refused = refusal(Error::Io { detail: "/secret/place: no such file".into() });

        assert_eq!(refused.problem().status, 500);
        assert!(!refused.problem().detail.contains("/secret"), "{refused:?}");
    }
}
