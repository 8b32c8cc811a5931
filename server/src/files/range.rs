//! One range of a file (RFC 9110 §14): from a byte on, perhaps to a byte, or so many at its end.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use platform::objects;

/// The bytes that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// From one to another, or to the end; both are in it.
    From(u64, Option<u64>),
    /// So many at the end.
    Last(u64),
}

impl Range {
    /// From the header's value. Whatever is not one plain range may be ignored (RFC 9110 §14.2), and is: `None`.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let (from, to) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
        if from.is_empty() {
            return Some(Self::Last(to.parse().ok()?));
        }
        let from = from.parse().ok()?;
        let to = if to.is_empty() { None } else { Some(to.parse().ok()?) };
        to.is_none_or(|to| from <= to).then_some(Self::From(from, to))
    }

    /// First and last byte in a file of this size, if it has any of them.
    pub(super) fn within(self, bytes: u64) -> Option<(u64, u64)> {
        let last = bytes.checked_sub(1)?;
        match self {
            Self::From(from, to) => (from <= last).then(|| (from, to.map_or(last, |to| to.min(last)))),
            Self::Last(count) => (count > 0).then(|| (bytes.saturating_sub(count), last)),
        }
    }
}

/// The body as far as so many bytes.
pub(super) fn first_bytes(body: objects::Body, bytes: u64) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold((body, bytes), async |(mut body, left)| {
        if left == 0 {
            return None;
        }
        let chunk = body.next().await?.map(|mut chunk| {
            chunk.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            chunk
        });
        let rest = chunk.as_ref().map_or(0, |chunk| left - chunk.len() as u64);
        Some((chunk, (body, rest)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_plain_range_is_understood_and_everything_else_ignored() {
        assert_eq!(Range::parse("bytes=5-"), Some(Range::From(5, None)));
        assert_eq!(Range::parse("bytes=5-9"), Some(Range::From(5, Some(9))));
        assert_eq!(Range::parse("bytes=-5"), Some(Range::Last(5)));
        for ignored in
            ["bytes=9-5", "bytes=-", "bytes=--5", "bytes=1-2,4-5", "lines=1-", "bytes=a-", "bytes=5"]
        {
            assert_eq!(Range::parse(ignored), None, "{ignored}");
        }
    }

    #[test]
    fn a_range_ends_where_the_file_does() {
        assert_eq!(Range::From(0, None).within(10), Some((0, 9)));
        assert_eq!(Range::From(9, Some(99)).within(10), Some((9, 9)));
        assert_eq!(Range::From(10, None).within(10), None);
        assert_eq!(Range::From(0, None).within(0), None);
        assert_eq!(Range::Last(3).within(10), Some((7, 9)));
        assert_eq!(Range::Last(99).within(10), Some((0, 9)));
        assert_eq!(Range::Last(0).within(10), None);
        assert_eq!(Range::Last(3).within(0), None);
    }

    #[tokio::test]
    async fn a_body_is_cut_within_a_chunk() {
        let body: objects::Body =
            Box::pin(stream::iter(["abc", "def", "ghi"].map(|text| Ok(Bytes::from(text)))));

        let cut: Vec<Bytes> = first_bytes(body, 5).map(Result::unwrap).collect().await;

        assert_eq!(cut, ["abc", "de"]);
    }
}
