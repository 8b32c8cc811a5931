//! Answers from earlier results: the same bytes, wanted in the same way, by the same person.

use convert::{Engine, Format, Options};
use platform::service::Outcome;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{
    Wish,
    sql::{self, NewJob},
    wanted::Wanted,
};
use crate::{row::JobRow, state::App};

/// All that a result depends on. Two conversions with the same one have the same result.
#[derive(Serialize)]
struct Recipe<'a> {
    input: &'a str,
    from: Format,
    to: Format,
    options: &'a Options,
    engines: Vec<Engine>,
    /// Another version may do better.
    version: &'static str,
}

/// The name of what a conversion depends on; none where it is not to be found again: with a password, that would let in
/// whoever does not know it.
pub(super) fn recipe(app: &App, from: Format, wanted: &Wanted, input: &str) -> Option<String> {
    let Wanted { to, ref options, .. } = *wanted;
    if options.password.is_some() {
        return None;
    }
    let engines = app.converters.supports(from, to, options).ok()?;
    let recipe = Recipe { input, from, to, options, engines, version: convert::VERSION };
    Some(hex::encode(Sha256::digest(serde_json::to_vec(&recipe).ok()?)))
}

/// The newest completed job of this person with the same recipe, whose result lacks nothing and is still kept.
pub(super) async fn earlier(app: &App, wish: &Wish, new: &NewJob) -> Outcome<Option<JobRow>> {
    let Some(recipe) = new.recipe.as_deref().filter(|_| !wish.wanted.fresh) else { return Ok(None) };
    let seconds = i64::try_from(app.config.retention.as_secs()).unwrap_or(i64::MAX);
    let since = new.now.plus_seconds(seconds.saturating_neg());
    Ok(sql::find_recipe(&app.db, wish.owner, recipe, since).await?)
}

/// Copies its result, so that each job has its own and goes with it. `false` when that cannot be, or when it is not what
/// it was: then the document is converted.
pub(super) async fn copied(app: &App, earlier: &JobRow, key: &str) -> bool {
    let Some(from) = &earlier.result_key else { return false };
    let copy = async {
        let object = app.objects.get(from, 0).await?;
        app.objects.put(key, object.body, object.bytes).await
    };
    match copy.await {
        Ok(stored) if Some(&stored.sha256) == earlier.sha256.as_ref() => true,
        Ok(_) => {
            tracing::warn!(job = %earlier.id(), "a result is not what it was when it was stored");
            false
        }
        Err(error) => {
            tracing::debug!(job = %earlier.id(), %error, "an earlier result cannot be copied");
            false
        }
    }
}
