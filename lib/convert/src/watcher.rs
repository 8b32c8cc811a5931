//! Who watches a conversion: told how far it is, and asked before the document goes to a service of somebody else.

use std::future::Future;

use crate::{Engine, Error, Progress};

/// Who watches. A closure that takes [`Progress`] is one that lets the document go wherever [`crate::Options`] allow.
pub trait Watcher: Send {
    /// A step was made.
    fn progress(&mut self, progress: Progress);

    /// The document is about to go to `host`, a service of somebody else.
    ///
    /// # Errors
    /// Whatever keeps it here.
    fn leaves(&mut self, engine: Engine, host: &str) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (engine, host);
        std::future::ready(Ok(()))
    }
}

impl<F: FnMut(Progress) + Send> Watcher for F {
    fn progress(&mut self, progress: Progress) {
        self(progress);
    }
}
