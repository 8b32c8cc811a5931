//! Why an attempt has no result: the conversion failed, or the store of objects did.

use convert::Error;
use platform::objects::{self, Objects};

/// Why an attempt has no result.
#[derive(Debug)]
pub(crate) enum Setback {
    /// The conversion failed, or was stopped.
    Failed(Error),
    /// The store did not give the document, or did not take the result: neither of them is at fault.
    Store(objects::Error),
}

impl Setback {
    /// Of a store that gave or took nothing. What is not there in a store that answers will not come back by itself.
    pub(crate) async fn of_store(store: &Objects, error: objects::Error) -> Self {
        match error {
            objects::Error::Store { .. } | objects::Error::Body(_) => Self::Store(error),
            objects::Error::NotFound(_) if store.ping().await.is_err() => Self::Store(error),
            _ => Self::Failed(Error::Io { detail: error.to_string() }),
        }
    }

    /// As the last word about a job.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Failed(error) => error,
            Self::Store(error) => Error::Io { detail: error.to_string() },
        }
    }
}

impl From<Error> for Setback {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<std::io::Error> for Setback {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.into())
    }
}
