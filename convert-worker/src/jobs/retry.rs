//! Starting a failed or cancelled job again.

use axum::{extract::State, http::HeaderMap};
use platform::service::{ApiError, ApiJson, ApiPath, Outcome, internal::OnBehalfOf};
use wire::{
    Code, JobId,
    conversions::{Job, JobState},
};

use super::sql;
use crate::{consent, notify, passwords, state::App};

pub(crate) async fn retry(
    State(app): State<App>,
    OnBehalfOf(user): OnBehalfOf,
    ApiPath(id): ApiPath<JobId>,
    headers: HeaderMap,
) -> Outcome<ApiJson<Job>> {
    let row = super::of(&app, user, id).await?;
    let password = passwords::of_request(&headers)?;
    let ended_without = matches!(row.state(), JobState::Failed | JobState::Cancelled);
    if row.locked && password.is_none() && ended_without {
        return Err(ApiError::new(
            Code::EncryptedFile,
            "the password was forgotten when the conversion ended",
        )
        .hint("send it again"));
    }
    let options = consent::still(row.options.as_deref(), consent::of_request(&headers));
    let limit = app.config.waiting_per_user;
    if sql::waiting(&app.db, user).await? >= i64::from(limit) {
        return Err(super::too_many(limit));
    }
    let sealed = password.map(|password| app.passwords.seal(id, &password)).transpose()?;
    let Some(queued) =
        sql::retry(&app.db, &row, options.as_deref(), sealed.as_deref(), app.clock.now()).await?
    else {
        return Err(super::wrong_state(&row, "started again"));
    };
    let job = super::now(&app, &queued).await?;
    notify::tell(&app, job.clone()).await;
    app.wake.notify_one();
    Ok(ApiJson(job))
}
