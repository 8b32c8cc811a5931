//! Every bound of the live part in one place; mshub-protocol(7) has them for clients.

use std::time::Duration;

/// Sends of one socket that may wait for their answer; past this the socket is not read.
pub(super) const WINDOW: usize = 16;
/// How long later messages of a room wait for one that was refused for now: longer than a client pauses before it sends it
/// again.
pub(super) const HOLD: Duration = Duration::from_secs(10);
/// Rooms that one socket may follow.
pub(super) const SUBSCRIPTIONS: usize = 200;
/// Sockets of one account.
pub(super) const SOCKETS: usize = 64;
/// Bytes of one frame of a client.
pub(super) const FRAME: usize = wire::frames::LARGEST;
/// How long an access token is taken beyond its end, so that a renewal in flight arrives.
pub(super) const GRACE_SECONDS: i64 = 30;

/// Frames that may wait for one socket.
pub(super) const QUEUE_FRAMES: usize = 512;
/// Bytes that may wait for one socket.
pub(super) const QUEUE_BYTES: usize = 1024 * 1024;

/// Catch-ups that may ask the database or the log at once, for each core.
pub(super) const CATCH_UPS_PER_CORE: usize = 8;
/// Answers that may read the log itself at once: on Kafka, each makes a client.
pub(super) const LOG_READERS: usize = 4;
/// How long one waits for its turn before the client is told to ask again.
pub(super) const TURN: Duration = Duration::from_secs(2);
/// A client that missed more events than this gets the newest, and a gap to fill by itself.
pub(super) const MISSED: usize = 1_000;
/// The same in bytes.
pub(super) const MISSED_BYTES: usize = 1024 * 1024;
/// The newest events of a subscription's beginning.
pub(super) const NEWEST: u32 = 200;
/// Events of one frame.
pub(super) const BUNDLE: usize = 50;
/// Bytes of one frame of several events, unless one event alone is larger.
pub(super) const BUNDLE_BYTES: usize = 16 * 1024;

/// Bytes of newest events in memory, for all rooms together.
pub(super) const RING_BYTES: usize = 64 * 1024 * 1024;
/// What one kept event costs beside its text.
pub(super) const RING_OVERHEAD: usize = 128;
/// Attempts that are remembered at most, for all rooms together.
pub(super) const ATTEMPTS: usize = 500_000;
/// How long an attempt waits for the log before its outcome is called unknown.
pub(super) const OUTCOME: Duration = Duration::from_secs(10);
/// Appends whose outcome is awaited at once.
pub(super) const APPENDS: usize = 16_384;

/// A hub whose database is further behind the log than this says so to every socket that opens.
pub(super) const LATE_MS: u64 = 60_000;

/// In rooms with more members than this nobody is told who is here or writes: that grows with the square.
pub(super) const CROWD: usize = 250;

/// Watermarks of a room are told at most this often, and wait as long for a message to go out with.
pub(super) const WATERMARKS: Duration = Duration::from_millis(100);
/// Reconnects spread over a millisecond for each socket when the hub stops, and at most over this.
pub(super) const LONGEST_SPREAD_MS: u64 = 6_000;

/// How long a socket is waited for, and the log.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long a client may take to say hello.
    pub hello: Duration,
    /// The hub says something at least this often.
    pub heartbeat: Duration,
    /// Without a sign of life for this long, the other side is gone.
    pub silence: Duration,
    /// A socket that takes no byte for this long is closed; it can resume.
    pub stalled: Duration,
    /// How long a last word may take.
    pub last_word: Duration,
    /// How long sockets are served at least while the hub stops, until they have moved.
    pub spread: Duration,
    /// How long the answer to a change of a room waits for the log. The change is made by then; the fact follows as soon
    /// as the log takes it.
    pub change: Duration,
    /// The same when somebody is out: every gateway shuts the door when the log says so, and whoever was told that it is
    /// shut relies on it.
    pub departure: Duration,
}

impl Default for Patience {
    /// What mshub-protocol(7) promises.
    fn default() -> Self {
        Self {
            hello: Duration::from_secs(5),
            heartbeat: Duration::from_secs(25),
            silence: Duration::from_secs(60),
            stalled: Duration::from_secs(30),
            last_word: Duration::from_secs(2),
            spread: Duration::from_millis(200),
            change: Duration::from_secs(2),
            departure: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::{
        config::Flags,
        files::upload::WAITING,
        rooms::{
            history::LONGEST_PAGE,
            members::LARGEST,
            rates::{AT_ONCE, ROOM_RATE},
        },
    };

    const PAGE: &str = include_str!("../../../man/mshub-protocol.7");

    /// The items of the list, without the macros of the page.
    fn in_the_manual() -> Vec<String> {
        let from = PAGE.find("\n.Sh LIMITS\n").unwrap();
        let list = &PAGE[from..from + PAGE[from..].find("\n.El\n").unwrap()];
        let words = |item: &str| item.replace("\n.Li ", " ").replace(" .\n", ".\n").replace('\n', " ");
        list.split("\n.It ").skip(1).map(|item| words(item).trim_end_matches(" .").to_owned()).collect()
    }

    fn bytes(bytes: usize) -> String {
        const MIB: usize = 1024 * 1024;
        assert_eq!(bytes % 1024, 0);
        if bytes.is_multiple_of(MIB) {
            format!("{} MiB", bytes / MIB)
        } else {
            format!("{} KiB", bytes / 1024)
        }
    }

    #[test]
    fn the_manual_has_these_bounds() {
        let patience = Patience::default();
        let [hello, stalled, silence] =
            [patience.hello, patience.stalled, patience.silence].map(|wait| wait.as_secs());
        let (frame, body) = (bytes(FRAME), bytes(wire::rooms::LONGEST));
        let (missed, queue) = (bytes(MISSED_BYTES), bytes(QUEUE_BYTES));
        let (files, signs, edits) = (wire::files::FILES, wire::messages::REACTIONS, wire::messages::EDITS);
        let flags = Flags::command();
        let rate = flags.get_arguments().find(|flag| flag.get_id() == "sends_per_second").unwrap();
        let rate: u32 = rate.get_default_values()[0].to_str().unwrap().parse().unwrap();
        let of_room = rate * ROOM_RATE.get();

        let expected = [
            format!("{hello} s until hello"),
            format!("{frame} A frame of the client."),
            format!("{body} The body of a message."),
            format!("{files} Files of a message."),
            format!("{WAITING} Uploads of a person that no message carries yet."),
            format!(
                "{WINDOW} Messages of a socket that wait for their answer. Past this the socket is not read."
            ),
            format!(
                "{rate}/s Messages of a person, with bursts of twice as many (a setting of the hub). What is refused \
                 counts, too."
            ),
            format!("{of_room}/s Messages of a room, with bursts of twice as many (ten times the former)."),
            format!(
                "{rate}/s Read marks of a person, with bursts of {AT_ONCE}; past this, a socket is not read for a moment."
            ),
            format!(
                "{rate}/s Rooms that a person makes, changes, enters or leaves, with bursts of {AT_ONCE}."
            ),
            format!("{SUBSCRIPTIONS} Rooms that a socket follows."),
            format!("{SOCKETS} Sockets of an account."),
            format!("{LARGEST} Members of a room."),
            format!("{LONGEST_PAGE} Events of one page of the history over HTTP."),
            format!(
                "{MISSED} Events, or {missed} of them, that a resume gives in full. Of more, the newest {NEWEST} come \
                 after a gap ; what is not in the memory of the gateway any more may come before it, up to so much."
            ),
            format!(
                "{QUEUE_FRAMES} Frames, or {queue} of them, that wait for a socket. Past this the events of the room \
                 with the most bytes are dropped, see lag"
            ),
            format!("{signs} Kinds of signs on a message."),
            format!("{edits} Edits of a message."),
            format!(
                "{APPENDS} Messages of all people at one gateway that wait for the log. Past this, whoever sends waits."
            ),
            format!("{stalled} s without a byte taken by the client: the socket is closed and can resume."),
            format!("{silence} s without a sign of life of the client: the socket is closed and can resume."),
        ];
        assert_eq!(in_the_manual(), expected);
    }
}
