//! A change of a room: rows and the facts that say so in one transaction, done when the log has the facts.

use platform::{
    db::Transaction,
    service::{ApiError, Outcome},
};
use wire::{RoomId, UserId, events::What, rooms::Room};

use super::{fact, sql};
use crate::{
    Patience,
    accounts::Caller,
    live::Key,
    state::State,
    tasks::{self, Task},
};

/// A change under way; dropped without `commit` nothing has happened.
pub(super) struct Change<'a> {
    state: &'a State,
    caller: &'a Caller,
    room: RoomId,
    pub(super) tx: Transaction,
    last: Option<Key>,
    gone: Option<UserId>,
}

impl<'a> Change<'a> {
    /// Begins to make a room.
    pub(super) async fn new(state: &'a State, caller: &'a Caller, room: RoomId) -> Outcome<Self> {
        state.rates.change(caller.user)?;
        Ok(Self { state, caller, room, tx: state.db.begin().await?, last: None, gone: None })
    }

    /// Begins to change a room that is there; whoever else wants to change it waits.
    pub(super) async fn of(state: &'a State, caller: &'a Caller, room: RoomId) -> Outcome<Self> {
        let mut change = Self::new(state, caller, room).await?;
        let found = sql::lock(&mut change.tx, room).await?;
        if found { Ok(change) } else { Err(ApiError::not_found("room")) }
    }

    /// The room as the caller sees it now, while nobody else can change it. Rights are looked at in this one: those that
    /// were seen before it was locked may have been taken away since.
    pub(super) async fn room(&mut self) -> Outcome<Room> {
        let room = sql::locked(&mut self.tx, self.caller.user, self.room).await?;
        room.ok_or_else(|| ApiError::not_found("room"))
    }

    /// Adds what happened, by the caller. Facts come into the log in the order in which they are told.
    pub(super) async fn tell(&mut self, what: What) -> sqlx::Result<()> {
        match &what {
            What::Left => self.gone = Some(self.caller.user),
            What::Kicked { user, .. } => self.gone = Some(*user),
            _ => {}
        }
        let fact = fact(self.room, self.caller, what);
        self.last = Some((fact.room, fact.by, fact.cid));
        tasks::enqueue(&mut self.tx, &Task::Announce { fact }, self.state.clock.now()).await.map(drop)
    }

    /// Makes it so. Whoever gets the answer and then says something says it after these facts; unless the log is away for
    /// longer than [`Patience`]: then the answer does not wait for them, and they follow as soon as the log takes them.
    pub(super) async fn commit(self) -> Outcome<()> {
        self.tx.commit().await?;
        let Patience { change, departure, .. } = self.state.config.patience;
        let patience = if self.gone.is_some() { departure } else { change };
        if let Some(gone) = self.gone {
            self.state.live.drop_member(self.room, gone);
        }
        tasks::wake(self.state);
        if let Some(last) = self.last
            && tokio::time::timeout(patience, self.state.live.heard(last)).await.is_err()
        {
            tracing::warn!(room = %self.room, "a change was made and the log does not say so yet");
        }
        Ok(())
    }
}
