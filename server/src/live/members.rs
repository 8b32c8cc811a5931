//! Who is in a room, from memory: asked for once, and kept true by the log, in which every change stands.

use std::collections::HashSet;

use wire::{RoomId, UserId};

use crate::{rooms, state::State};

/// Rooms with more members than this are asked about person by person.
const MOST: usize = 10_000;

/// Whether somebody is a member, now. Only what memory does not know is asked of the database: somebody may have
/// joined through another gateway a moment ago, and the log has not said so yet.
pub(crate) async fn is_member(state: &State, room: RoomId, user: UserId) -> sqlx::Result<bool> {
    let (known, as_of) = state.live.member(room, user);
    match known {
        Some(true) => Ok(true),
        Some(false) => {
            let is_member = rooms::is_member(state, room, user).await?;
            if is_member {
                state.live.add_member(room, user, as_of);
            }
            Ok(is_member)
        }
        None => {
            let members = rooms::member_ids(state, room, MOST).await?;
            let is_member = members.contains(&user);
            if members.len() >= MOST {
                return if is_member { Ok(true) } else { rooms::is_member(state, room, user).await };
            }
            // A room without members is one that is not there: an answer about it is not worth keeping.
            if !members.is_empty() {
                state.live.set_members(room, HashSet::from_iter(members), as_of);
            }
            Ok(is_member)
        }
    }
}
