//! What the hub says, and what it means for those who listen.

use std::time::Duration;

use tokio::time::Instant;
use wire::{
    Code, Problem, RoomId,
    conversions::Job,
    frames::{MISSED, Passing, ToClient},
};

use super::{
    Health, LiveEvent,
    connection::{Connection, Deaf, End},
    reducer::{Reducer, Step},
    socket::Socket,
    witness::{Difference, Witness},
};

impl Connection {
    /// Whether it is not older than what was heard of the conversion, which is noted until it has ended. What a hub tells who
    /// comes back may be overtaken by what happens meanwhile.
    fn is_news(&mut self, job: &Job) -> bool {
        if self.heard_jobs.get(&job.id).is_some_and(|heard| job.seq < *heard) {
            return false;
        }
        if job.state.is_final() {
            self.heard_jobs.remove(&job.id);
        } else if self.heard_jobs.len() < MISSED || self.heard_jobs.contains_key(&job.id) {
            // A hub hears of so many; whoever waits for another one looks at it now and then.
            self.heard_jobs.insert(job.id, job.seq);
        }
        true
    }

    /// Takes one frame of the hub.
    pub(super) async fn hear(&mut self, socket: &mut Socket, frame: ToClient) -> Result<(), End> {
        match frame {
            ToClient::Ok { cid, room, pos, id, ts, .. } => {
                self.post.sent(cid, room, pos, id, ts).await;
                self.tell_changes().await?;
            }
            ToClient::Err { cid: Some(cid), room, code, detail, retry, unknown, after_ms, .. } => {
                if code == Code::StaleId.name()
                    && let Some(renewed) = self.post.renew(cid).await
                {
                    self.emit(renewed).await?;
                } else if retry || unknown {
                    if unknown {
                        self.post.lost(cid, Instant::now());
                    }
                    let problem = problem(&code, detail);
                    let is_first = self.post.put_off(cid, &problem, after_ms.map(Duration::from_millis));
                    if let Some(room) = room.filter(|_| is_first) {
                        self.emit(LiveEvent::PutOff { cid, room, problem }).await?;
                    }
                } else if code == Code::NotFound.name()
                    && let Some(left) = self.post.under_way(cid, Instant::now())
                {
                    // Nobody in the room any more; but it may have been said before that, at another gateway.
                    self.post.put_off(cid, &problem(&code, detail), Some(left));
                } else {
                    if let Some(refused) = self.post.refused(cid, problem(&code, detail)).await {
                        self.emit(refused).await?;
                    }
                    self.tell_changes().await?;
                }
            }
            ToClient::Err { id: Some(id), detail, retry, after_ms, .. } => {
                let again = retry.then(|| Duration::from_millis(after_ms.unwrap_or(1_000)));
                self.subscription_refused(id, &detail, again).await?;
            }
            ToClient::Unsubbed { room } => {
                self.witnesses.remove(&room);
                self.marks.forget(room);
                if self.rooms.remove(&room).is_some() {
                    self.emit(LiveEvent::Left { room }).await?;
                }
            }
            ToClient::Wm { r } => {
                for head in r {
                    let witness = self.witnesses.entry(head.room).or_default();
                    let differs = witness.head(&head);
                    self.note_agreed(head.room);
                    self.emit(LiveEvent::Head(head)).await?;
                    self.tell_difference(differs).await?;
                }
            }
            ToClient::Void { room, pos } => {
                if let Some(witness) = self.witnesses.get_mut(&room) {
                    witness.void(&pos);
                }
                self.emit(LiveEvent::Void { room, pos }).await?;
            }
            ToClient::Hb { log, plag_ms } => self.is_well(Health::of(log, plag_ms)).await?,
            ToClient::Entered { room, by, name } => self.emit(LiveEvent::Entered { room, by, name }).await?,
            ToClient::Read { room, pos } => self.emit(LiveEvent::Read { room, pos }).await?,
            ToClient::Job { job } if self.is_news(&job) => self.emit(LiveEvent::Job(job)).await?,
            ToClient::Eph { room, what } if self.rooms.contains_key(&room) => match what {
                Passing::Typing { user, name, on } => {
                    self.emit(LiveEvent::Typing { room, user, name, on }).await?;
                }
                Passing::Presence { all, who } => self.emit(LiveEvent::Presence { room, all, who }).await?,
                Passing::Card { pos, at } => self.emit(LiveEvent::Card { room, pos, at }).await?,
                Passing::Unknown => {}
            },
            frame => {
                let Some(room) = room_of(&frame) else { return Ok(()) };
                let Some(reducer) = self.rooms.get_mut(&room) else { return Ok(()) };
                let stored = match &frame {
                    ToClient::Subbed { id, persisted, .. } if reducer.awaits(*id) => *persisted,
                    _ => None,
                };
                let steps = reducer.take(frame);
                for step in steps {
                    self.step(socket, room, step).await?;
                }
                if let Some(pos) = stored {
                    self.emit(LiveEvent::Stored { room, pos }).await?;
                }
            }
        }
        Ok(())
    }

    async fn step(&mut self, socket: &mut Socket, room: RoomId, step: Step) -> Result<(), End> {
        let event = match step {
            Step::Ask => return self.subscribe(socket, room).await,
            Step::Show(event) => {
                let differs = self.witnesses.entry(room).or_default().show(&event);
                self.note_agreed(room);
                self.emit(LiveEvent::Event(event)).await?;
                return Ok(self.tell_difference(differs).await?);
            }
            Step::Live(pos) => LiveEvent::Live { room, pos },
            Step::Gap { from, to } => LiveEvent::Gap { room, from, to },
            Step::Restarted => LiveEvent::Restarted { room },
        };
        if matches!(event, LiveEvent::Restarted { .. }) {
            self.marks.forget(room);
        }
        if matches!(event, LiveEvent::Gap { .. } | LiveEvent::Restarted { .. }) {
            self.witnesses.remove(&room);
        }
        Ok(self.emit(event).await?)
    }

    /// Remembers up to where what was shown of a room is what the database has.
    fn note_agreed(&mut self, room: RoomId) {
        let agreed = self.witnesses.get_mut(&room).and_then(Witness::take_agreed);
        if let Some(standing) = agreed
            && let Some(ep) = self.rooms.get(&room).and_then(Reducer::epoch)
        {
            self.notes.agreed(ep, standing.head(room), Instant::now());
        }
    }

    async fn tell_difference(&mut self, differs: Option<Difference>) -> Result<(), Deaf> {
        let Some(Difference { room, after, upto }) = differs else { return Ok(()) };
        tracing::warn!(%room, after, upto, "the hub's database has something else than this client was shown");
        self.emit(LiveEvent::Differs { room, after, upto }).await
    }

    /// A room that cannot be followed is one that the person is not in.
    async fn subscription_refused(
        &mut self,
        id: u64,
        detail: &str,
        again: Option<Duration>,
    ) -> Result<(), Deaf> {
        let room = self.rooms.iter().find(|(_, reducer)| reducer.awaits(id)).map(|(room, _)| *room);
        let Some(room) = room else { return Ok(()) };
        tracing::debug!(%room, detail, ?again, "a subscription was refused");
        if let Some(again) = again {
            self.postponed.push((Instant::now() + again, room));
            return Ok(());
        }
        self.rooms.remove(&room);
        self.emit(LiveEvent::Left { room }).await
    }
}

/// The problem that a frame tells of, with its code even when this version does not know it.
fn problem(code: &str, detail: String) -> Problem {
    let mut problem = Problem::new(Code::from_name(code).unwrap_or(Code::BadRequest), detail);
    code.clone_into(&mut problem.code);
    problem
}

fn room_of(frame: &ToClient) -> Option<RoomId> {
    match frame {
        ToClient::Ev(event) => Some(event.room),
        ToClient::Subbed { room, .. }
        | ToClient::Evs { room, .. }
        | ToClient::Gap { room, .. }
        | ToClient::Live { room, .. } => Some(*room),
        _ => None,
    }
}
