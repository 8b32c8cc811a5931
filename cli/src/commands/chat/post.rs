//! One message on its way: into the outbox, and to the hub if that is there.

use client::{Draft, Hub, Outbox};
use serde_json::json;
use tokio::time::timeout_at;
use wire::RoomId;

use super::deliver::{Deadline, Delivery, Outcome, Said};
use crate::{
    error::{CliError, Kind},
    global::Global,
};

/// Sends the message that `draft` makes for a room, and answers when the hub has it for good. What waits in the outbox
/// when this ends is an error of its own kind, and is told; with `no_queue` nothing is left there while no hub can be
/// reached.
pub(super) async fn send(
    global: &Global,
    hub: &Hub,
    named: &str,
    no_queue: bool,
    draft: impl FnOnce(RoomId) -> Draft,
) -> Result<Said, CliError> {
    let (outbox, deadline) = (global.outbox(hub).await?, Deadline::of(global));
    let Place { room, away } = place(hub, &outbox, named, deadline).await?;
    let draft = draft(room);
    match away {
        Some(away) if no_queue => return Err(away),
        Some(away) if global.timeout().is_none() => {
            put(&outbox, draft.clone()).await?;
            return Err(kept(global, &draft, Some(away.message)));
        }
        _ => {}
    }
    let mut delivery = Delivery::begin(global, hub, outbox.clone());
    put(&outbox, draft.clone()).await?;
    delivery.expect(draft.cid);
    match delivery.next_until(deadline).await {
        Ok(Some(Outcome::Said(said))) => Ok(said),
        Ok(Some(Outcome::Refused(cid, problem))) => {
            delivery.withdraw(cid).await?;
            Err(CliError::from(*problem))
        }
        Ok(Some(Outcome::Dropped)) => {
            Err(CliError::new(Kind::Conflict, "the message was taken out of the outbox before it was sent"))
        }
        Ok(None) if no_queue && !delivery.was_there => {
            delivery.withdraw(draft.cid).await?;
            Err(CliError::new(Kind::Unreachable, "the hub does not answer; the message was not kept"))
        }
        Ok(None) => Err(kept(global, &draft, delivery.unsettled().1)),
        Err(error) => {
            // Somebody who is not signed in has said nothing.
            if !delivery.was_there {
                delivery.withdraw(draft.cid).await?;
            }
            Err(error)
        }
    }
}

/// A room, and why the hub could not be asked for it, if it could not.
pub(super) struct Place {
    pub(super) room: RoomId,
    pub(super) away: Option<CliError>,
}

/// The room of that name. While the hub is away it is the one that had the name when this machine last heard of it.
pub(super) async fn place(
    hub: &Hub,
    outbox: &Outbox,
    named: &str,
    deadline: Deadline,
) -> Result<Place, CliError> {
    let asked = timeout_at(deadline.at, hub.room(named)).await.unwrap_or(Err(client::Error::Timeout));
    let error = match asked {
        Ok(room) => {
            outbox.remember(std::slice::from_ref(&room)).await?;
            return Ok(Place { room: room.id, away: None });
        }
        Err(error) => error,
    };
    // A proxy answers for a hub that is away, and a hub for a database that is.
    let is_away = error.is_transient();
    match named.parse().ok().or_else(|| outbox.room_named(named)) {
        Some(room) if is_away => Ok(Place { room, away: Some(error.into()) }),
        _ => Err(error.into()),
    }
}

/// Puts a message into the outbox.
pub(super) async fn put(outbox: &Outbox, draft: Draft) -> Result<(), CliError> {
    if outbox.put(vec![draft]).await?.is_empty() {
        return Ok(());
    }
    Err(CliError::new(Kind::Rate, "too many messages wait in the outbox")
        .hint("see `mshub chat outbox`; send them with `mshub chat outbox retry`"))
}

/// The message waits: told on stdout for scripts, and with an exit code of its own.
fn kept(global: &Global, draft: &Draft, why: Option<String>) -> CliError {
    let Draft { cid, room, .. } = draft;
    if global.out.is_json()
        && let Err(error) = global.out.json(&json!({"cid": cid, "room": room, "state": "queued"}))
    {
        return error;
    }
    let why = why.unwrap_or_else(|| "the hub does not answer".to_owned());
    CliError::new(Kind::Pending, format!("{why}; the message waits in the outbox as {cid}"))
        .hint("it is sent by the next `mshub chat send` or `mshub tui`, or now by `mshub chat outbox retry`")
}
