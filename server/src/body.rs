//! Bodies of uploads that are not taken: refused by what they announce, and heard out.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderMap, header},
};
use futures_util::{Stream, StreamExt as _};
use platform::service::{ApiError, Outcome};
use wire::Code;

use crate::state::State;

/// How long the rest of a refused body is still read.
const LINGER: Duration = Duration::from_secs(10);

/// Refuses a body by the length that it announces, and tells it: 0 where none is announced.
pub(crate) fn announced(headers: &HeaderMap, limit: u64) -> Outcome<u64> {
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    match length {
        Some(length) if length > limit => {
            Err(too_large(format!("the file has {length} bytes, and {limit} are allowed")))
        }
        length => Ok(length.unwrap_or_default()),
    }
}

/// What whoever sends too much is told.
pub(crate) fn too_large(detail: String) -> ApiError {
    ApiError::new(Code::TooLarge, detail).hint("split it, or ask whoever runs the hub to raise the limit")
}

/// Reads what is left of a refused body, so that the sender finds our answer: a connection that is closed with unread
/// bytes is reset, and the answer may be lost with it.
pub(crate) fn linger(state: &State, body: Body) {
    linger_over(state, async move { drain(&mut body.into_data_stream()).await });
}

/// The same for whoever reads the rest in a way of their own, such as with [`drain`].
pub(crate) fn linger_over(state: &State, rest: impl Future<Output = ()> + Send + 'static) {
    let stop = state.tasks.stop_signal();
    state.tasks.spawn("linger", async move {
        tokio::select! {
            _ = tokio::time::timeout(LINGER, rest) => {}
            () = stop.cancelled() => {}
        }
    });
}

/// Reads to the end, or until it breaks.
pub(crate) async fn drain<T, E>(body: &mut (impl Stream<Item = Result<T, E>> + Unpin)) {
    while let Some(Ok(_)) = body.next().await {}
}
