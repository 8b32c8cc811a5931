//! What is left of uploads that ended or expired goes: objects first, then rows.

use uuid::Uuid;
use wire::{Timestamp, UploadId};

use super::sql;
use crate::state::App;

/// How many objects go in one round.
const OBJECTS: i64 = 200;

/// The rounds of one worker, each of which goes on behind the last: an object that cannot be removed holds up no other.
#[derive(Default)]
pub(crate) struct Rounds {
    /// The part after which the next one begins.
    after: Uuid,
}

impl Rounds {
    /// Closes what has expired, and removes what nobody needs any more.
    pub(crate) async fn sweep(&mut self, app: &App) -> anyhow::Result<()> {
        sql::close_expired(&app.db, app.clock.now()).await?;
        let removed = remove(app, None, &mut self.after).await;
        if let Ok(false) = removed {
            self.after = Uuid::nil();
        }
        // Until then, whoever comes back hears that it is gone, or what became of it.
        sql::forget(&app.db, None, forgotten(app)).await?;
        removed.map(drop)
    }
}

/// Removes the objects of a closed upload.
pub(super) async fn clear(app: &App, id: UploadId) -> anyhow::Result<()> {
    let mut after = Uuid::nil();
    while remove(app, Some(id), &mut after).await? {}
    Ok(())
}

/// What was closed before this moment is forgotten.
pub(super) fn forgotten(app: &App) -> Timestamp {
    let seconds = i64::try_from(app.config.retention.as_secs()).unwrap_or(i64::MAX);
    app.clock.now().plus_seconds(seconds.saturating_neg())
}

/// Whether there was something to remove behind a part; `after` comes to be the last that was tried.
async fn remove(app: &App, of: Option<UploadId>, after: &mut Uuid) -> anyhow::Result<bool> {
    let parts = sql::leftovers(&app.db, of, *after, OBJECTS).await?;
    for part in &parts {
        *after = part.id;
        app.objects.delete(&part.key()).await?;
        sql::forget_part(&app.db, part).await?;
    }
    Ok(!parts.is_empty())
}

#[cfg(test)]
mod tests {
    use platform::{objects::Body, testing::TestEngines};
    use wire::{UserId, uploads::NewUpload};

    use super::*;
    use crate::tus::sql::{Begun, Part};

    /// An upload that was given up with an object; the object's key.
    async fn given_up(app: &App, part: Uuid) -> String {
        let (id, owner, writer, now) = (UploadId::new(), UserId::new(), Uuid::now_v7(), app.clock.now());
        let new = NewUpload { length: 9, ..NewUpload::default() };
        let (wish, expires_at) = ("{}", now.plus_seconds(60));
        let begun = Begun {
            id,
            owner,
            request_key: None,
            new: &new,
            wish,
            password: None,
            third_party: false,
            now,
            expires_at,
        };
        sql::begin(&app.db, &begun).await.unwrap();
        let row = sql::find(&app.db, owner, id).await.unwrap().unwrap();
        assert!(sql::take_over(&app.db, &row, writer, now, expires_at).await.unwrap());
        let part = Part { upload: id.0, id: part, at: 0, bytes: 0 };
        assert!(sql::place(&app.db, &part, writer).await.unwrap());
        let body: Body = Box::pin(futures_util::stream::empty());
        app.objects.put(&part.key(), body, 0).await.unwrap();
        sql::close(&app.db, &row, now).await.unwrap();
        part.key()
    }

    #[tokio::test]
    async fn an_object_that_cannot_be_removed_holds_up_no_other() {
        let engines = TestEngines::open().await.unwrap();
        let app = App::idle(&engines).await.unwrap();
        let (stuck, other) =
            (given_up(&app, Uuid::from_u128(1)).await, given_up(&app, Uuid::from_u128(2)).await);
        let file = engines.folder.path().join("objects").join(stuck);
        if !file.is_file() {
            println!("objects are no files here: one that cannot be removed was not tested");
            return;
        }
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        let parts = async || sql::leftovers(&app.db, None, Uuid::nil(), OBJECTS).await.unwrap();
        let mut rounds = Rounds::default();

        assert!(rounds.sweep(&app).await.is_err(), "it is said");
        rounds.sweep(&app).await.unwrap();

        let left = parts().await;
        assert_eq!(left.iter().map(|part| part.id).collect::<Vec<_>>(), [Uuid::from_u128(1)]);
        assert!(matches!(app.objects.get(&other, 0).await, Err(platform::objects::Error::NotFound(_))));
        // It is not forgotten.
        std::fs::remove_dir(&file).unwrap();
        for _ in 0..2 {
            rounds.sweep(&app).await.unwrap();
        }
        assert!(parts().await.is_empty());
    }
}
