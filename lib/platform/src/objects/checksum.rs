//! SHA-256 of what goes into a bucket and comes out of it, as S3 writes it: in base64, and of an object that went up in
//! parts the checksum of their checksums (a "composite" one).

use std::io;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_util::{StreamExt as _, stream};
use sha2::{Digest as _, Sha256};

use super::{Body, s3_upload::PART};

/// Of one piece.
pub(super) fn of(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(Sha256::digest(bytes))
}

/// What an object has to be that went up in parts of [`PART`] bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OfParts {
    checksum: String,
    count: u64,
}

impl OfParts {
    /// `CHECKSUM-COUNT`; nothing of an object that went up in one piece.
    pub(super) fn read(said: &str) -> Option<Self> {
        let (checksum, count) = said.rsplit_once('-')?;
        Some(Self { checksum: checksum.to_owned(), count: count.parse().ok()? })
    }

    /// The same body, which breaks off at its end when it is not what went up.
    pub(super) fn compared(self, body: Body) -> Body {
        let state = Some((body, Parts::default(), self));
        Box::pin(stream::unfold(state, async |state| {
            let (mut body, mut parts, expected) = state?;
            match body.next().await {
                Some(Ok(chunk)) => {
                    parts.take(&chunk);
                    Some((Ok(chunk), Some((body, parts, expected))))
                }
                Some(Err(broken)) => Some((Err(broken), None)),
                None => parts.compare(&expected).err().map(|wrong| (Err(wrong), None)),
            }
        }))
    }
}

/// What came so far.
#[derive(Default)]
struct Parts {
    /// The checksums of whole parts, one after the other.
    whole: Sha256,
    count: u64,
    /// The part that is coming.
    part: Sha256,
    bytes: usize,
}

impl Parts {
    fn take(&mut self, mut chunk: &[u8]) {
        while !chunk.is_empty() {
            let (now, later) = chunk.split_at(chunk.len().min(PART - self.bytes));
            self.part.update(now);
            self.bytes += now.len();
            if self.bytes == PART {
                self.end_part();
            }
            chunk = later;
        }
    }

    fn end_part(&mut self) {
        self.whole.update(self.part.finalize_reset());
        self.count += 1;
        self.bytes = 0;
    }

    fn compare(mut self, expected: &OfParts) -> io::Result<()> {
        if self.bytes > 0 {
            self.end_part();
        }
        if self.count != expected.count {
            // Somebody else put it there, in parts of another size: nothing can be said.
            return Ok(());
        }
        if BASE64_STANDARD.encode(self.whole.finalize()) == expected.checksum {
            return Ok(());
        }
        Err(io::Error::other("what came from the store is not what went up: its checksum is another one"))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::TryStreamExt as _;

    use super::*;

    /// Two whole parts and a bit.
    fn bytes() -> Vec<u8> {
        (0..2 * PART + 7).map(|n| u8::try_from(n % 251).unwrap()).collect()
    }

    fn expected() -> OfParts {
        let checksums: Vec<u8> = bytes().chunks(PART).flat_map(Sha256::digest).collect();
        OfParts::read(&format!("{}-3", of(&checksums))).unwrap()
    }

    async fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        // In pieces that know nothing of parts.
        let chunks: Vec<_> = bytes.chunks(100_003).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        let read: Vec<Bytes> = expected().compared(Box::pin(stream::iter(chunks))).try_collect().await?;
        Ok(read.concat())
    }

    #[tokio::test]
    async fn what_went_up_is_read_as_it_is_and_anything_else_breaks_off() {
        assert_eq!(read(&bytes()).await.unwrap(), bytes());
        for at in [0, PART, 2 * PART + 6] {
            let mut changed = bytes();
            changed[at] ^= 1;

            assert!(read(&changed).await.is_err(), "byte {at}");
        }
    }

    #[test]
    fn an_object_of_one_piece_has_no_count() {
        assert_eq!(OfParts::read("uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek="), None);
        assert_eq!(of(b"hello world"), "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=");
    }
}
