//! Whom a text names with `@`: settled when it is said, so that it stays true when names change.

use platform::service::Outcome;
use wire::{RoomId, UserId, rooms::Member};

use super::sql;
use crate::state::State;

/// People that one message names.
const MOST: usize = 50;
/// So many `@` of a text are looked at: each is compared with every name in the room.
const LOOKED_AT: usize = 100;

/// Members of the room whom the text names. Two of the same name are both meant: better told twice than not at all.
pub(super) async fn of(state: &State, room: RoomId, text: &str) -> Outcome<Vec<UserId>> {
    if !text.contains('@') {
        return Ok(Vec::new());
    }
    Ok(named(text, &sql::members(&state.db, room).await?))
}

/// The longest name wins: `@Ann Lee` is not `@Ann`. A name with spaces may also be written without them, or with `-`,
/// `_` or `.` in their place.
fn named(text: &str, members: &[Member]) -> Vec<UserId> {
    let text = text.to_lowercase();
    let names: Vec<(UserId, [String; 5])> =
        members.iter().map(|member| (member.id, spellings(&member.name))).collect();
    let mut found = Vec::new();
    let begins_a_word = |at: &usize| !text[..*at].chars().next_back().is_some_and(char::is_alphanumeric);
    for at in text.match_indices('@').map(|(at, _)| at).filter(begins_a_word).take(LOOKED_AT) {
        let rest = &text[at + 1..];
        let fits = |name: &&String| {
            let then = rest.strip_prefix(name.as_str()).map(|then| then.chars().next());
            !name.is_empty() && then.is_some_and(|next| !next.is_some_and(char::is_alphanumeric))
        };
        let longest = names.iter().flat_map(|(_, names)| names.iter().filter(fits)).map(String::len).max();
        let Some(longest) = longest else { continue };
        for (user, names) in &names {
            let meant = names.iter().any(|name| name.len() == longest && fits(&name));
            if meant && !found.contains(user) && found.len() < MOST {
                found.push(*user);
            }
        }
    }
    found
}

fn spellings(name: &str) -> [String; 5] {
    let name = name.trim().to_lowercase();
    ["", "-", "_", "."]
        .map(|glue| name.replace(' ', glue))
        .into_iter()
        .chain([name.clone()])
        .collect::<Vec<_>>()
        .try_into()
        .expect("four and one are five")
}

#[cfg(test)]
mod tests {
    use wire::{Timestamp, rooms::MemberRole};

    use super::*;

    fn member(name: &str) -> Member {
        let (role, joined_at) = (MemberRole::Member, Timestamp::default());
        Member { id: UserId::new(), name: name.into(), role, joined_at, presence: None }
    }

    #[test]
    fn names_are_found_however_they_are_written() {
        let [ann, lee, bob] = ["Ann", "Ann Lee", "Bob"].map(member);
        let all = [ann.clone(), lee.clone(), bob.clone()];
        let named = |text: &str| named(text, &all);

        assert_eq!(named("hi @ann, hi (@BOB)!"), [ann.id, bob.id]);
        for text in ["@Ann Lee look", "@ann-lee", "@annlee?", "@ann.lee."] {
            assert_eq!(named(text), [lee.id], "{text}");
        }
        for text in ["ann", "@anna", "mail ann@bob.example", "@ ann", "@", ""] {
            assert!(named(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn a_text_of_nothing_but_signs_is_not_compared_with_every_name_for_each_of_them() {
        let (ann, bob) = (member("Ann"), member("Bob"));
        let text = format!("{}@ann {}@bob", "a@b ".repeat(500), "@ ".repeat(LOOKED_AT));

        assert_eq!(named(&text, &[ann.clone(), bob]), [ann.id], "addresses do not count");
    }

    #[test]
    fn who_shares_a_name_is_meant_too_and_nobody_twice() {
        let (one, other) = (member("Ann"), member("ann"));

        assert_eq!(named("@ann @ann", &[one.clone(), other.clone()]), [one.id, other.id]);
    }
}
