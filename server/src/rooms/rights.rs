//! Who may do what in a room: one table, for everybody who asks.

use platform::service::{ApiError, Outcome};
use wire::{
    Code,
    rooms::{MemberRole, Room},
};

/// What somebody wants to do in a room that they are in. Everybody may also edit, remove and take back what is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// Say something, answer, put signs on messages.
    Speak,
    /// Make somebody a member.
    Invite,
    /// Go.
    Leave,
    /// Pin a message or unpin it.
    Pin,
    /// Remove what another said.
    RemoveOthers,
    /// Make somebody of a lower role leave.
    Kick,
    /// Change name or topic.
    Describe,
    /// Change what a member may do.
    SetRole,
    /// Delete the room.
    Close,
}

use Deed::*;
use MemberRole::{Member, Moderator, Owner};

/// The deed, the least role that may do it, whether the two of a direct conversation may, and how it is called.
const TABLE: &[(Deed, MemberRole, bool, &str)] = &[
    (Speak, Member, true, "speak here"),
    (Invite, Member, false, "invite somebody"),
    (Leave, Member, false, "leave"),
    (Pin, Moderator, true, "pin messages"),
    (RemoveOthers, Moderator, false, "remove what others said"),
    (Kick, Moderator, false, "make members leave"),
    (Describe, Moderator, false, "change name or topic"),
    (SetRole, Owner, false, "change roles"),
    (Close, Owner, false, "delete the room"),
];

/// Refuses what a role may not do. `room` is as its member sees it.
pub(super) fn check(room: &Room, deed: Deed) -> Outcome<MemberRole> {
    let role = room.role.ok_or_else(|| ApiError::not_found("room"))?;
    let (_, least, direct, called) =
        TABLE.iter().find(|(listed, ..)| *listed == deed).expect("every deed is in the table");
    if room.direct {
        let refusal = || format!("nobody can {called} in a direct conversation");
        return if *direct { Ok(role) } else { Err(ApiError::new(Code::Forbidden, refusal())) };
    }
    if role >= *least {
        return Ok(role);
    }
    let detail = format!("you are {} here; to {called}, one has to be {}", role.name(), least.name());
    Err(ApiError::new(Code::Forbidden, detail).hint("see `mshub room members` for who is what"))
}

/// Refuses to make somebody leave who is not below.
pub(super) fn check_below(role: MemberRole, other: MemberRole) -> Outcome<()> {
    if role > other {
        return Ok(());
    }
    let detail =
        format!("you are {} here and they are {}: only who is above may do this", role.name(), other.name());
    Err(ApiError::new(Code::Forbidden, detail))
}

/// Refuses to let somebody in again who was made to leave, unless the caller could make people leave as well. `room` is
/// as the caller sees it: who is not in it wants to come back themselves.
pub(super) fn check_return(room: &Room) -> Outcome<()> {
    if room.role.is_some_and(|role| role >= Moderator) {
        return Ok(());
    }
    let detail = match room.role {
        None => "you were made to leave this room",
        Some(_) => "they were made to leave this room; only a moderator or an owner can invite them again",
    };
    Err(ApiError::new(Code::Forbidden, detail).hint("ask a moderator or an owner of it for an invitation"))
}

#[cfg(test)]
mod tests {
    use wire::{RoomId, Timestamp};

    use super::*;

    fn room(role: Option<MemberRole>, direct: bool) -> Room {
        Room {
            id: RoomId::new(),
            name: "general".into(),
            private: direct,
            topic: String::new(),
            members: 2,
            joined: role.is_some(),
            direct,
            role,
            unread: None,
            mentions: None,
            mark: None,
            upto: None,
            created_at: Timestamp::default(),
        }
    }

    #[test]
    fn the_table_is_what_the_manual_says() {
        //                  member moderator owner  direct
        let manual = [
            (Speak, [true, true, true, true]),
            (Invite, [true, true, true, false]),
            (Leave, [true, true, true, false]),
            (Pin, [false, true, true, true]),
            (RemoveOthers, [false, true, true, false]),
            (Kick, [false, true, true, false]),
            (Describe, [false, true, true, false]),
            (SetRole, [false, false, true, false]),
            (Close, [false, false, true, false]),
        ];
        assert_eq!(manual.len(), TABLE.len());

        for (deed, [member, moderator, owner, direct]) in manual {
            let may = |role, direct| check(&room(Some(role), direct), deed).is_ok();
            let found = [may(Member, false), may(Moderator, false), may(Owner, false), may(Member, true)];
            assert_eq!(found, [member, moderator, owner, direct], "{deed:?}");
        }
    }

    #[test]
    fn who_is_not_in_the_room_may_nothing_and_learns_nothing() {
        for (deed, ..) in TABLE {
            let refused = check(&room(None, false), *deed).unwrap_err();
            assert_eq!(refused.problem().known(), Some(Code::NotFound), "{deed:?}");
        }
    }

    #[test]
    fn who_was_made_to_leave_is_let_in_by_those_who_could_have_done_it() {
        let may = |role| check_return(&room(role, false)).is_ok();

        assert!(may(Some(Moderator)) && may(Some(Owner)));
        assert!(!may(Some(Member)) && !may(None));
    }

    #[test]
    fn only_who_is_above_makes_somebody_leave() {
        assert!(check_below(Moderator, Member).is_ok());
        assert!(check_below(Owner, Moderator).is_ok());
        for (role, other) in [(Moderator, Moderator), (Moderator, Owner), (Owner, Owner)] {
            assert!(check_below(role, other).is_err(), "{role:?} {other:?}");
        }
    }
}
