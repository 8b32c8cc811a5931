//! Full-text search over the messages of some rooms.

mod index;
mod sql;
mod words;

use axum::extract::State;
use platform::service::{ApiError, ApiJson, Outcome, internal::OnBehalfOf};
use wire::{
    Code,
    messages::{Found, Search, SearchOrder, Searched},
};

pub(crate) use index::{CHUNK, catch_up, renew};
pub(crate) use sql::{begin_anew, forget, indexed};

use crate::state::App;

const LONGEST_PAGE: u32 = 100;
/// How far down a list of best answers one can go on.
const DEEPEST: i64 = 1_000;

/// Finds messages. The gateway names the rooms that the person is in.
pub(crate) async fn search(
    State(app): State<App>,
    _caller: OnBehalfOf,
    ApiJson(asked): ApiJson<Search>,
) -> Outcome<ApiJson<Searched>> {
    let terms = words::terms(&asked.text);
    if terms.is_empty() {
        let detail = "there is no word in it to look for";
        return Err(ApiError::new(Code::InvalidField, detail).field("/q", detail));
    }
    if asked.rooms.is_empty() {
        let found = Found { items: Vec::new(), next: None, behind: None };
        return Ok(ApiJson(Searched { found, upto: Vec::new() }));
    }
    let from = begin(&asked)?;
    let limit = asked.limit.clamp(1, LONGEST_PAGE) as usize;
    let mut tx = app.db.snapshot().await?;
    let progress = crate::sql::progress_in(&mut tx).await?;
    let mut rows = sql::find(&mut tx, &terms, &asked, from, limit + 1).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = match asked.order {
        _ if !more => None,
        SearchOrder::Time => rows.last().map(|(id, _)| format!("t{id}")),
        SearchOrder::Rank => {
            let next = from.unwrap_or(0) + limit.cast_signed() as i64;
            (next < DEEPEST).then(|| format!("r{next}"))
        }
    };
    let items = rows.into_iter().map(|(_, message)| message).collect();
    let upto = progress.into_iter().map(|(partition, (_, pos))| (partition, pos)).collect();
    let behind = Some(sql::behind(&mut tx).await?).filter(|behind| *behind > 0);
    Ok(ApiJson(Searched { found: Found { items, next, behind }, upto }))
}

/// Where the answer begins: after so many of the best ones, or before a message.
fn begin(asked: &Search) -> Outcome<Option<i64>> {
    let Some(cursor) = &asked.cursor else { return Ok(None) };
    let mark = match asked.order {
        SearchOrder::Time => 't',
        SearchOrder::Rank => 'r',
    };
    let begin = cursor.strip_prefix(mark).and_then(|number| number.parse().ok()).filter(|begin| *begin >= 0);
    begin.map(Some).ok_or_else(|| {
        let detail = "this is not where an earlier answer of this search said to go on";
        ApiError::new(Code::InvalidField, detail).field("/cursor", detail)
    })
}
