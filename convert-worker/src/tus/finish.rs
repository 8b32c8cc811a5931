//! The end of an upload: its parts become one file, and the file a job, as if it had come at once.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use platform::service::{ApiError, Outcome};
use wire::{JobId, Problem, UploadId, UserId, conversions::NewConversion};

use super::sql::{self, Part, Row};
use crate::{
    intake::{Desk, Wish},
    state::App,
};

/// The upload as it is now; one that is whole has its job, or says why it has none. However often this is asked, and
/// wherever, there is one job: it has the key of its upload.
pub(super) async fn finished(app: &App, owner: UserId, id: UploadId, consent: bool) -> Outcome<Row> {
    let turn = app.finishing.at(id);
    let _turn = turn.lock().await;
    let row = super::of(app, owner, id).await?;
    if !row.is_whole() || row.job().is_some() {
        return Ok(row);
    }
    if let Some(refusal) = &row.refusal {
        let problem: Problem = serde_json::from_str(refusal).map_err(anyhow::Error::from)?;
        return Err(problem.into());
    }
    match job(app, &row, consent).await {
        Ok(job) => settle(app, &row, Some(job), None).await?,
        Err(error) => {
            // Somebody else may have made it meanwhile, and removed the parts that we read.
            let now = super::of(app, owner, id).await?;
            if now.job().is_some() {
                return Ok(now);
            }
            if is_final(&error) {
                settle(app, &row, None, Some(error.problem())).await?;
            }
            return Err(error);
        }
    }
    super::of(app, owner, id).await
}

/// Whether the file will never be taken.
fn is_final(error: &ApiError) -> bool {
    matches!(error.problem().status, 403 | 409 | 413 | 415 | 422)
}

async fn settle(app: &App, row: &Row, job: Option<JobId>, refusal: Option<&Problem>) -> Outcome<()> {
    let refusal = refusal.map(serde_json::to_string).transpose().map_err(anyhow::Error::from)?;
    sql::settle(&app.db, row, job, refusal.as_deref(), app.clock.now()).await?;
    if let Err(error) = super::sweep::clear(app, row.id()).await {
        tracing::warn!(error = format!("{error:#}"), "the parts of an upload stay until the next round");
    }
    Ok(())
}

async fn job(app: &App, row: &Row, consent: bool) -> Outcome<JobId> {
    let wanted: NewConversion = serde_json::from_str(&row.wish).map_err(anyhow::Error::from)?;
    let sealed = row.password.as_deref();
    let password = sealed.and_then(|sealed| app.passwords.open(JobId(row.id().0), sealed));
    let (wanted, consent) = (NewConversion { password, ..wanted }, row.third_party && consent);
    let wish = Wish::of(app, row.owner(), wanted, consent, Some(format!("upload:{}", row.id())))?;
    if let Some(job) = wish.again(app).await? {
        return Ok(job.id);
    }
    let desk = Desk::open(app, row.owner()).await?;
    let mut body = file(app, sql::parts(&app.db, row.id()).await?);
    let received = desk.receive(&mut body).await.map_err(|refused| match refused.problem().status {
        // The sender that it takes for broken is our own store.
        400 => anyhow::anyhow!("the parts of an upload cannot be read").into(),
        _ => refused,
    })?;
    if received.bytes != row.length() {
        let (found, wanted) = (received.bytes, row.length());
        return Err(anyhow::anyhow!("the parts of an upload have {found} bytes, not {wanted}").into());
    }
    Ok(wish.fulfil(app, received).await?.id)
}

/// The parts one after the other.
fn file(app: &App, parts: Vec<Part>) -> impl Stream<Item = io::Result<Bytes>> + Unpin {
    let app = app.clone();
    Box::pin(
        stream::iter(parts)
            .then(move |part| {
                let app = app.clone();
                async move {
                    let object = app.objects.get(&part.key(), 0).await;
                    object.map(|object| object.body).map_err(io::Error::other)
                }
            })
            .try_flatten()
            .inspect_err(|error| tracing::warn!(%error, "a part of an upload cannot be read")),
    )
}
