//! Bodies on their way into a bucket: hashed as they come, in parts of eight megabytes, a few in memory at a time.

use aws_sdk_s3::{
    Client,
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, MultipartUpload},
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::{
    Body, Error, Stored, checksum,
    s3::{S3, failed, why},
};
use crate::Clock;

/// Bytes of a part, and of the largest body that goes up in one piece. S3 takes 10,000 parts: 78 GiB.
pub(super) const PART: usize = 8 * 1024 * 1024;
/// Parts that go up at once. One more is being read.
const AT_ONCE: usize = 3;
/// An upload this old belongs to nobody who still lives.
const ABANDONED_SECONDS: i64 = 24 * 3600;

/// A body that is read part by part.
pub(super) struct Reading {
    body: Body,
    limit: u64,
    hash: Sha256,
    bytes: u64,
    rest: BytesMut,
    has_ended: bool,
}

impl Reading {
    pub(super) fn new(body: Body, limit: u64) -> Self {
        Self { body, limit, hash: Sha256::new(), bytes: 0, rest: BytesMut::new(), has_ended: false }
    }

    /// The next part: [`PART`] bytes, or what is left.
    pub(super) async fn part(&mut self) -> Result<Bytes, Error> {
        while self.rest.len() < PART && !self.has_ended {
            match self.body.next().await {
                Some(chunk) => self.take(&chunk.map_err(Error::Body)?)?,
                None => self.has_ended = true,
            }
        }
        Ok(self.rest.split_to(self.rest.len().min(PART)).freeze())
    }

    fn take(&mut self, chunk: &[u8]) -> Result<(), Error> {
        self.bytes += chunk.len() as u64;
        if self.bytes > self.limit {
            return Err(Error::TooLarge { limit: self.limit });
        }
        self.hash.update(chunk);
        self.rest.extend_from_slice(chunk);
        Ok(())
    }

    /// Whether every part was taken.
    pub(super) fn is_done(&self) -> bool {
        self.has_ended && self.rest.is_empty()
    }

    /// What was read.
    pub(super) fn stored(self) -> Stored {
        Stored { bytes: self.bytes, sha256: hex::encode(self.hash.finalize()) }
    }
}

/// Stores a body of several parts. Whatever goes wrong, no part stays.
pub(super) async fn in_parts(
    store: &S3,
    key: &str,
    place: String,
    first: Bytes,
    mut reading: Reading,
) -> Result<Stored, Error> {
    let mut upload = Upload::begin(store, key, place).await?;
    match upload.run(key, first, &mut reading).await {
        Ok(()) => Ok(reading.stored()),
        Err(failure) => {
            upload.abort().await;
            Err(failure)
        }
    }
}

/// A begun upload. Dropped before it is whole (whoever sent the body has gone) it is aborted.
struct Upload {
    client: Client,
    bucket: String,
    place: String,
    id: String,
    checksums: bool,
    is_over: bool,
}

impl Upload {
    async fn begin(store: &S3, key: &str, place: String) -> Result<Self, Error> {
        let algorithm = store.checksums.then_some(ChecksumAlgorithm::Sha256);
        let begun = store.client.create_multipart_upload().bucket(&store.bucket).key(&place);
        let begun = begun.set_checksum_algorithm(algorithm).send().await;
        let id = begun.map_err(|error| failed(key, &error))?.upload_id.unwrap_or_default();
        let (client, bucket, checksums) = (store.client.clone(), store.bucket.clone(), store.checksums);
        Ok(Self { client, bucket, place, id, checksums, is_over: false })
    }

    async fn run(&mut self, key: &str, first: Bytes, reading: &mut Reading) -> Result<(), Error> {
        // Tasks, so that parts go up while the next one is read; dropped with this call, they stop.
        let mut going_up = JoinSet::new();
        let mut parts = Vec::new();
        let (mut number, mut next) = (1, first);
        while !next.is_empty() {
            going_up.spawn(self.part(key, number, next));
            if going_up.len() == AT_ONCE {
                parts.extend(arrived(&mut going_up, key).await?);
            }
            number += 1;
            next = reading.part().await?;
        }
        while let Some(part) = arrived(&mut going_up, key).await? {
            parts.push(part);
        }
        parts.sort_by_key(CompletedPart::part_number);
        self.complete(key, parts).await
    }

    fn part(
        &self,
        key: &str,
        number: i32,
        bytes: Bytes,
    ) -> impl Future<Output = Result<CompletedPart, Error>> + Send + 'static {
        let upload = self.client.upload_part().bucket(&self.bucket).key(&self.place).upload_id(&self.id);
        let checksum = self.checksums.then(|| checksum::of(&bytes));
        let upload = upload.part_number(number).set_checksum_sha256(checksum.clone());
        let (upload, key) = (upload.body(ByteStream::from(bytes)), key.to_owned());
        async move {
            let uploaded = upload.send().await.map_err(|error| failed(&key, &error))?;
            let part = CompletedPart::builder().part_number(number).set_e_tag(uploaded.e_tag);
            Ok(part.set_checksum_sha256(checksum).build())
        }
    }

    async fn complete(&mut self, key: &str, parts: Vec<CompletedPart>) -> Result<(), Error> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let complete = self.client.complete_multipart_upload().bucket(&self.bucket).key(&self.place);
        let complete = complete.upload_id(&self.id).multipart_upload(parts).send().await;
        complete.map_err(|error| failed(key, &error))?;
        self.is_over = true;
        Ok(())
    }

    async fn abort(&mut self) {
        self.is_over = true;
        abort(&self.client, &self.bucket, &self.place, &self.id).await;
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Without a runtime the process ends, and the next one that opens the bucket sweeps.
        if let (false, Ok(runtime)) = (self.is_over, tokio::runtime::Handle::try_current()) {
            let (client, bucket) = (self.client.clone(), std::mem::take(&mut self.bucket));
            let (place, id) = (std::mem::take(&mut self.place), std::mem::take(&mut self.id));
            runtime.spawn(async move { abort(&client, &bucket, &place, &id).await });
        }
    }
}

/// The next part that is up, whichever it is.
async fn arrived(
    going_up: &mut JoinSet<Result<CompletedPart, Error>>,
    key: &str,
) -> Result<Option<CompletedPart>, Error> {
    let Some(part) = going_up.join_next().await else { return Ok(None) };
    let lost = |error| Error::Store { key: key.to_owned(), source: std::io::Error::other(error) };
    part.map_err(lost)?.map(Some)
}

async fn abort(client: &Client, bucket: &str, place: &str, id: &str) {
    let aborted = client.abort_multipart_upload().bucket(bucket).key(place).upload_id(id).send().await;
    if let Err(error) = aborted {
        tracing::warn!(why = why(&error), "an upload could not be aborted; a later start does it");
    }
}

/// Aborts what earlier processes had begun and not finished.
pub(super) async fn sweep(client: &Client, bucket: &str, prefix: &str) -> Result<(), String> {
    let latest = Clock::System.now().plus_seconds(-ABANDONED_SECONDS).seconds();
    let listed = client.list_multipart_uploads().bucket(bucket).prefix(prefix).send().await;
    let is_old = |upload: &MultipartUpload| upload.initiated().is_some_and(|at| at.secs() < latest);
    for upload in listed.map_err(|error| why(&error))?.uploads().iter().filter(|upload| is_old(upload)) {
        if let (Some(place), Some(id)) = (upload.key(), upload.upload_id()) {
            abort(client, bucket, place, id).await;
        }
    }
    Ok(())
}
