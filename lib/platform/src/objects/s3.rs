//! Objects in a bucket of S3 or of a store that speaks it; links are presigned, so downloads pass the gateway by.

use std::{error::Error as _, io, time::Duration};

use aws_sdk_s3::{
    Client, Config,
    config::{
        BehaviorVersion, Credentials, Region, RequestChecksumCalculation, ResponseChecksumValidation,
        StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig,
    },
    error::{ProvideErrorMetadata, SdkError},
    operation::get_object::GetObjectOutput,
    presigning::PresigningConfig,
    primitives::ByteStream,
    types::{BucketLocationConstraint, ChecksumMode, CreateBucketConfiguration},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use futures_util::stream;

use super::{Body, Error, LinkTerms, Object, Stored, attachment, checksum, config::Bucket, key, s3_upload};
use crate::Clock;

/// How long the store may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// How long it may be silent within an answer.
const SILENCE: Duration = Duration::from_secs(30);
/// A link lives a week at most (SigV4).
const LONGEST_LINK: i64 = 7 * 24 * 3600;

/// A bucket. Cheap to clone.
#[derive(Clone)]
pub struct S3 {
    pub(super) client: Client,
    /// Signs links: it knows the store by the name that others reach it by.
    public: Client,
    pub(super) bucket: String,
    prefix: String,
    /// Whether the store compares what it gets with a checksum, and keeps that.
    pub(super) checksums: bool,
}

impl S3 {
    /// Opens a bucket, makes it if it is not there, and aborts uploads that nobody will finish any more.
    pub(super) async fn open(url: &str) -> anyhow::Result<Self> {
        let wrong = |error: anyhow::Error| {
            anyhow::anyhow!("the object store {} cannot be used: {error:#}", crate::redacted(url))
        };
        let place = Bucket::from_url(url).map_err(wrong)?;
        let store = Self {
            client: client(&place, place.endpoint.as_deref()),
            public: client(&place, place.public_endpoint.as_deref().or(place.endpoint.as_deref())),
            bucket: place.name.clone(),
            prefix: place.prefix.clone(),
            checksums: place.checksums,
        };
        store.check(&place).await.map_err(wrong)?;
        if let Err(why) = s3_upload::sweep(&store.client, &store.bucket, &store.prefix).await {
            tracing::warn!(why, "uploads that broke off could not be looked for; they stay in the bucket");
        }
        Ok(store)
    }

    /// Listing is asked for because its refusal has a reason in it; that of `HEAD` has none.
    async fn check(&self, place: &Bucket) -> anyhow::Result<()> {
        let listed =
            self.client.list_objects_v2().bucket(&self.bucket).prefix(&self.prefix).max_keys(1).send().await;
        let Err(refused) = listed else { return Ok(()) };
        match refused.code() {
            Some("NoSuchBucket") => self.create(place).await,
            Some("InvalidAccessKeyId" | "SignatureDoesNotMatch") => Err(anyhow::anyhow!(
                "it does not know the access key, or the secret is another one ({})",
                why(&refused)
            )),
            Some("AccessDenied") => Err(anyhow::anyhow!(
                "the access key may not list the bucket; it needs s3:ListBucket, and s3:GetObject, s3:PutObject, \
                 s3:DeleteObject and s3:AbortMultipartUpload on what is in it"
            )),
            _ => Err(anyhow::anyhow!(why(&refused))),
        }
    }

    async fn create(&self, place: &Bucket) -> anyhow::Result<()> {
        let mut create = self.client.create_bucket().bucket(&self.bucket);
        // Only Amazon has regions, and the first of them may not be named.
        if place.endpoint.is_none() && place.region != "us-east-1" {
            let there = BucketLocationConstraint::from(place.region.as_str());
            let place = CreateBucketConfiguration::builder().location_constraint(there).build();
            create = create.create_bucket_configuration(place);
        }
        match create.send().await {
            Ok(_) => tracing::info!(bucket = self.bucket, "the bucket was not there and has been made"),
            // Another instance was quicker.
            Err(error) if error.code() == Some("BucketAlreadyOwnedByYou") => {}
            Err(error) => {
                anyhow::bail!("there is no bucket `{}`, and it cannot be made: {}", self.bucket, why(&error))
            }
        }
        Ok(())
    }

    /// The name in the bucket.
    fn place(&self, key: &str) -> Result<String, Error> {
        key::check(key)?;
        Ok(format!("{}{key}", self.prefix))
    }

    /// Bodies of more than [`s3_upload::PART`] go up in parts, so that no body is ever held whole.
    pub(super) async fn put(&self, key: &str, body: Body, limit: u64) -> Result<Stored, Error> {
        let place = self.place(key)?;
        let mut reading = s3_upload::Reading::new(body, limit);
        let first = reading.part().await?;
        if !reading.is_done() {
            return s3_upload::in_parts(self, key, place, first, reading).await;
        }
        let checksum = self.checksums.then(|| checksum::of(&first));
        let put = self.client.put_object().bucket(&self.bucket).key(place).set_checksum_sha256(checksum);
        let put = put.body(ByteStream::from(first));
        put.send().await.map_err(|error| failed(key, &error))?;
        Ok(reading.stored())
    }

    pub(super) async fn get(&self, key: &str, from: u64) -> Result<Object, Error> {
        let mut get = self.client.get_object().bucket(&self.bucket).key(self.place(key)?);
        // Of a part of an object no checksum is known.
        let compared = self.checksums && from == 0;
        if from > 0 {
            get = get.range(format!("bytes={from}-"));
        }
        if compared {
            get = get.checksum_mode(ChecksumMode::Enabled);
        }
        match get.send().await {
            Ok(answer) => opened(key, answer, compared),
            Err(error) if error.code() == Some("InvalidRange") => self.beyond(key).await,
            Err(error) => Err(failed(key, &error)),
        }
    }

    /// What is read from its end on, or from behind it: nothing, of a size that has to be asked for.
    async fn beyond(&self, key: &str) -> Result<Object, Error> {
        let head = self.client.head_object().bucket(&self.bucket).key(self.place(key)?).send().await;
        let head = head.map_err(|error| failed(key, &error))?;
        Ok(Object { bytes: length(head.content_length()), body: Box::pin(stream::empty()) })
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), Error> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(self.place(key)?).send();
        delete.await.map(drop).map_err(|error| failed(key, &error))
    }

    pub(super) async fn signed_link(&self, key: &str, terms: &LinkTerms) -> Result<String, Error> {
        let wrong = |why: String| Error::Store { key: key.to_owned(), source: io::Error::other(why) };
        // The store counts from the moment of signing, by the machine's own clock.
        let life = (terms.expires_at.seconds() - Clock::System.now().seconds()).clamp(1, LONGEST_LINK);
        let life = PresigningConfig::expires_in(Duration::from_secs(life.unsigned_abs()))
            .map_err(|error| wrong(error.to_string()))?;
        let link = self
            .public
            .get_object()
            .bucket(&self.bucket)
            .key(self.place(key)?)
            .response_content_disposition(attachment(&terms.name))
            .response_content_type(&terms.media_type)
            .presigned(life)
            .await
            .map_err(|error| wrong(why(&error)))?;
        Ok(link.uri().to_owned())
    }

    /// Whole ones however many; of what is not whole yet the first thousand.
    pub(super) async fn keys(&self) -> Result<Vec<String>, Error> {
        let begun =
            self.client.list_multipart_uploads().bucket(&self.bucket).prefix(&self.prefix).send().await;
        let begun = begun.map_err(|error| failed(&self.bucket, &error))?;
        let mut pages =
            self.client.list_objects_v2().bucket(&self.bucket).prefix(&self.prefix).into_paginator().send();
        let mut whole = Vec::new();
        while let Some(page) = pages.next().await {
            whole.extend(page.map_err(|error| failed(&self.bucket, &error))?.contents.unwrap_or_default());
        }
        let key = |place: Option<&str>| place?.strip_prefix(&self.prefix).map(str::to_owned);
        let keys = whole.iter().filter_map(|object| key(object.key()));
        let parts = begun.uploads().iter().filter_map(|upload| key(upload.key()));
        Ok(keys.chain(parts.map(|part| format!("part/{part}"))).collect())
    }

    pub(super) async fn ping(&self) -> Result<(), Error> {
        let head = self.client.head_bucket().bucket(&self.bucket).send().await;
        head.map(drop).map_err(|error| failed(&self.bucket, &error))
    }
}

fn client(place: &Bucket, endpoint: Option<&str>) -> Client {
    let who = &place.credentials;
    let credentials = Credentials::new(&who.key, &who.secret, who.session.clone(), None, "mshub");
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https())
        .region(Region::new(place.region.clone()))
        .credentials_provider(credentials)
        .force_path_style(place.path_style)
        .timeout_config(TimeoutConfig::builder().connect_timeout(CONNECT).read_timeout(SILENCE).build())
        .retry_config(RetryConfig::standard().with_max_attempts(3))
        // A reader may be as slow as it likes: it is a person with a thin line.
        .stalled_stream_protection(StalledStreamProtectionConfig::enabled().download_enabled(false).build())
        // Trailing checksums break other stores, and links in browsers. Ours stand in front, and are said where they are
        // wanted: the hash that a request is signed with is not compared with the body by every store.
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    config.set_endpoint_url(endpoint.map(str::to_owned));
    Client::from_conf(config.build())
}

fn opened(key: &str, answer: GetObjectOutput, compared: bool) -> Result<Object, Error> {
    // Of a part, the size of the whole stands behind the slash: `bytes 6-10/11`.
    let whole = match answer.content_range().and_then(|range| range.rsplit_once('/')) {
        Some((_, whole)) => whole.parse().map_err(|_| Error::Store {
            key: key.to_owned(),
            source: io::Error::other("the store does not say how large the object is"),
        })?,
        None => length(answer.content_length()),
    };
    let of_parts = answer.checksum_sha256().filter(|_| compared).and_then(checksum::OfParts::read);
    let body = stream::unfold(answer.body, async |mut body| {
        let chunk = body.next().await?;
        Some((chunk.map_err(io::Error::other), body))
    });
    let body: Body = match of_parts {
        // What went up in one piece the SDK has compared when it ends.
        None => Box::pin(body),
        Some(checksum) => checksum.compared(Box::pin(body)),
    };
    Ok(Object { bytes: whole, body })
}

fn length(said: Option<i64>) -> u64 {
    said.and_then(|length| u64::try_from(length).ok()).unwrap_or(0)
}

/// The failure of a request about one object.
pub(super) fn failed<E, R>(key: &str, error: &SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    match error.code() {
        Some("NoSuchKey" | "NotFound") => Error::NotFound(key.to_owned()),
        _ => Error::Store { key: key.to_owned(), source: io::Error::other(why(error)) },
    }
}

/// One line: what the store said, or why it could not be asked.
pub(super) fn why<E, R>(error: &SdkError<E, R>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug,
{
    if let Some(code) = error.code() {
        return format!("{code}: {}", error.message().unwrap_or("without a reason"));
    }
    // The outer errors only repeat each other; what happened is the innermost.
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(|cause| cause.source()) {
        cause = Some(deeper);
    }
    match (error, cause) {
        (SdkError::TimeoutError(_), _) => "it did not answer in time".to_owned(),
        (SdkError::DispatchFailure(_), Some(cause)) => format!("it cannot be reached: {cause}"),
        (_, Some(cause)) => cause.to_string(),
        (_, None) => error.to_string(),
    }
}
