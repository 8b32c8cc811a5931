//! Keeping an upload: answered from an earlier result, or bytes first and then the row of its job.

use convert::{Format, Options};
use platform::{
    db::is_unstorable,
    service::{ApiError, Outcome},
    traces::{Kind, Span},
};
use wire::{Code, Timestamp};

use super::{
    Wish, cache,
    desk::Received,
    sql::{self, Admitted, NewJob},
};
use crate::{
    jobs, notify,
    row::{JobRow, result_key, upload_key},
    state::App,
};

/// Whoever sees the job finds its upload, or its result.
pub(super) async fn keep(app: App, wish: Wish, source: Format, received: Received) -> Outcome<JobRow> {
    let mut span = Span::within("enqueue", Kind::Producer);
    span.note_shown("mshub.job", received.id);
    let new = NewJob { trace: span.context(), ..new_job(&app, &wish, source, &received)? };
    span.around(queue(&app, &wish, received, new)).await
}

async fn queue(app: &App, wish: &Wish, received: Received, new: NewJob) -> Outcome<JobRow> {
    if let Some(earlier) = cache::earlier(app, wish, &new).await? {
        let key = result_key(new.id, 1);
        if cache::copied(app, &earlier, &key).await {
            let admitted = sql::admit_from(&app.db, &new, &earlier, &key).await;
            return settled(app, wish, received, &key, admitted).await;
        }
    }
    let key = upload_key(received.id);
    app.objects.put_file(&key, &received.file).await.map_err(anyhow::Error::from)?;
    let admitted = sql::admit(&app.db, &new, app.config.waiting_per_user).await;
    settled(app, wish, received, &key, admitted).await
}

/// The job once its row is there. Without a row the object that was stored for it goes.
async fn settled(
    app: &App,
    wish: &Wish,
    received: Received,
    key: &str,
    admitted: sqlx::Result<Admitted>,
) -> Outcome<JobRow> {
    let refused = match admitted {
        Ok(Admitted::New(row)) => {
            app.wake.notify_one();
            notify::tell(app, jobs::now(app, &row).await?).await;
            return Ok(*row);
        }
        Ok(Admitted::Full) => jobs::too_many(app.config.waiting_per_user),
        Ok(Admitted::Again) => {
            app.objects.delete(key).await.map_err(anyhow::Error::from)?;
            return wish.known(app).await?.ok_or_else(|| {
                ApiError::new(Code::Conflict, "this upload was sent before, and removed since")
            });
        }
        // The statement was refused, so there is no row.
        Err(error) if is_unstorable(&error) => error.into(),
        Err(error) => {
            // Of a commit that failed nobody can say whether it happened. The folder stays and tells a later sweep of
            // this upload: if there is no row by then, the object goes.
            let _ = received.folder.keep();
            return Err(error.into());
        }
    };
    app.objects.delete(key).await.map_err(anyhow::Error::from)?;
    Err(refused)
}

fn new_job(app: &App, wish: &Wish, source: Format, received: &Received) -> Outcome<NewJob> {
    let wanted = &wish.wanted;
    let seal = |password: &String| app.passwords.seal(received.id, password);
    let password = wanted.options.password.as_ref().map(seal).transpose()?;
    let open = Options { password: None, ..wanted.options.clone() };
    let now: Timestamp = app.clock.now();
    Ok(NewJob {
        id: received.id,
        owner: wish.owner,
        request_key: wish.request_key.clone(),
        wish: Some(wanted.digest()),
        name: wanted.name.clone(),
        source: source.code(),
        target: wanted.to.code(),
        options: serde_json::to_string(&open).map_err(anyhow::Error::from)?,
        password,
        recipe: cache::recipe(app, source, wanted, &received.sha256),
        webhook: wanted.webhook.clone(),
        trace: None,
        strict: wanted.strict,
        bytes_in: received.bytes,
        created_at: received.created_at,
        now,
    })
}
