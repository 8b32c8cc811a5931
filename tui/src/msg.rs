//! The closed sets of the client: everything that can happen ([`Msg`]) and everything that can be asked ([`Effect`]).

use std::path::PathBuf;

use client::Attachment;
pub use client::LiveEvent as Heard;
use ratatui::crossterm::event::KeyEvent;
use wire::{
    ClientId, JobId, RoomId,
    accounts::{KeptMail, Me, SignUp, SignedUp},
    conversions::{FormatPair, Job},
    files::File,
    messages::Op,
    rooms::{EventPage, Member, NewRoom, Room},
};

use crate::unsaid::Unsaid;

/// Why something did not work, in words for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// What the person can do about it.
    pub kind: FailureKind,
    /// What failed, on what.
    pub what: String,
    /// What to do next.
    pub hint: Option<String>,
    /// `(JSON pointer, sentence)` for each field that breaks a rule.
    pub fields: Vec<(String, String)>,
}

impl Failure {
    /// A failure without fields.
    pub fn new(kind: FailureKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), ..Self::default() }
    }

    /// What failed and what to do next, on one line.
    pub fn sentence(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.what.trim_end_matches('.')),
            None => self.what.clone(),
        }
    }
}

/// Failures by what a person can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailureKind {
    /// Read the reason.
    #[default]
    Refused,
    /// Sign in.
    SignedOut,
    /// Verify the address first.
    Unverified,
    /// Start the hub, check the address, wait.
    Unreachable,
}

/// What an effect answers with.
pub type Answer<T> = Result<T, Failure>;

/// A file of this machine that a text names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// Everything that can happen.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Pasted(String),
    /// The terminal has this many columns and rows.
    Resized(u16, u16),
    /// Something that the person should know.
    Told(String),
    /// A deadline of the state has passed.
    Elapsed,

    /// Who the stored session belongs to.
    Recognised(Answer<Me>),
    /// The answer to a sign-in.
    SignedIn(Answer<Me>),
    /// The answer to a sign-up.
    SignedUp(Answer<SignedUp>),
    /// The newest kept mail for the address that waits; none when the hub keeps none.
    Mail(Answer<Option<KeptMail>>),
    /// The answer to a verification.
    Verified(Answer<Me>),
    /// The mail was sent again, or not.
    Resent(Answer<()>),
    /// The session was ended.
    SignedOut,

    /// The rooms one is in.
    Rooms(Answer<Vec<Room>>),
    /// Public rooms, joined or not.
    PublicRooms(Answer<Vec<Room>>),
    /// A room was made, or not.
    RoomMade(Answer<Room>),
    /// A room was joined, or not.
    Joined(Answer<Room>),
    /// A room was left, or not.
    LeftRoom(RoomId, Answer<()>),
    /// Somebody was invited, or not.
    Invited(Answer<String>),
    /// Who is in a room.
    Members(RoomId, Answer<Vec<Member>>),
    /// History before what was known.
    Older(RoomId, Answer<EventPage>),
    /// Events of a hole up to a position.
    Missing(RoomId, u64, Answer<EventPage>),
    /// The same from the database's rows, where they are not what was shown.
    Rows(RoomId, u64, Answer<EventPage>),
    /// A message that was just written is in the outbox, and survives there.
    Queued {
        /// Where.
        room: RoomId,
        /// The number the state gave it.
        draft: u64,
        /// The id that the hub will echo.
        cid: ClientId,
    },
    /// The live socket has something to tell.
    Heard(Heard),
    /// Files that are to go into a room were read, or cannot be.
    Attached {
        /// Where they go.
        room: RoomId,
        /// What goes with them.
        said: Unsaid,
        /// The files.
        files: Answer<Vec<Attachment>>,
    },
    /// A text that may name files does, or names none.
    Named {
        /// The room in which it was written.
        room: RoomId,
        /// As it was pasted or typed.
        text: String,
        /// Whether it was typed, and sent.
        typed: bool,
        /// The files.
        files: Vec<NamedFile>,
    },
    /// Something was done to a message, or not.
    Acted {
        /// Where.
        room: RoomId,
        /// To the message at this position.
        tgt: u64,
        /// What was wanted.
        op: Op,
        /// Whether it was done.
        answer: Answer<()>,
    },
    /// How far files of a room are.
    Fetching {
        /// The one that comes.
        name: String,
        /// Bytes written.
        bytes: u64,
        /// Bytes in all.
        total: u64,
    },
    /// Files of a room were saved under these paths, or not.
    Fetched(Answer<Vec<PathBuf>>),

    /// Bytes of an upload that have left.
    UploadMoved {
        /// The number the state gave it.
        upload: u64,
        /// Bytes sent.
        sent: u64,
        /// Bytes in all, where known.
        total: Option<u64>,
    },
    /// An upload became a job, or failed.
    Uploaded(u64, Answer<Job>),
    /// The newest conversions.
    Jobs(Answer<Vec<Job>>),
    /// A conversion was changed on request, or not.
    JobChanged(Answer<Job>),
    /// What can become what.
    Formats(Answer<Vec<FormatPair>>),
    /// How far a download is.
    Saving {
        /// Of this conversion.
        job: JobId,
        /// Bytes written.
        bytes: u64,
    },
    /// A result was saved under this path, or not.
    Saved(JobId, Answer<PathBuf>),
    /// Names of files that begin with what was typed.
    Paths {
        /// What was typed.
        typed: String,
        /// Full replacements for it; folders end in `/`.
        found: Vec<String>,
    },
}

/// Everything the state can ask of the world. Only `effects` does any of it.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Leave the loop.
    Quit,
    /// Leave the terminal, stop, come back.
    Suspend,
    /// Clear and paint everything.
    Redraw,

    /// Ask who the stored session belongs to.
    Recognise,
    /// Sign in with address and password.
    SignIn(String, String),
    /// Make an account.
    SignUp(SignUp),
    /// Look for kept mail to an address; `wait` for it for a few seconds when it was asked for just now.
    FindMail {
        /// To whom.
        to: String,
        /// Whether one is on its way.
        wait: bool,
    },
    /// Verify with a link or code.
    Verify(String),
    /// Send the verification mail again.
    Resend(String),
    /// End the session.
    SignOut,

    /// Open the live socket.
    GoLive,
    /// Hear of a room, beginning with its newest events.
    Subscribe(RoomId),
    /// Stop to hear of it.
    Unsubscribe(RoomId),
    /// Ask for the rooms one is in.
    LoadRooms,
    /// Ask for the public ones.
    LoadPublicRooms,
    /// Make a room.
    NewRoom(NewRoom),
    /// Join a public room.
    Join(RoomId),
    /// Leave a room.
    Leave(RoomId),
    /// Bring somebody (an address) into a room.
    Invite(RoomId, String),
    /// Ask who is in a room.
    LoadMembers(RoomId),
    /// Ask for history before a position.
    LoadOlder(RoomId, u64),
    /// Ask for what lies between two positions.
    LoadMissing {
        /// Where.
        room: RoomId,
        /// After this position.
        after: u64,
        /// Before this one.
        until: u64,
    },
    /// The same of the rows of the database, whatever the hub remembers.
    LoadRows {
        /// Where.
        room: RoomId,
        /// After this position.
        after: u64,
        /// Before this one.
        until: u64,
    },
    /// Put a message into the outbox.
    Say {
        /// Where.
        room: RoomId,
        /// The number the state gave it.
        draft: u64,
        /// The id that it had when it was refused before.
        cid: Option<ClientId>,
        /// What it says.
        said: Unsaid,
    },
    /// Take a message out of the outbox.
    Withdraw(ClientId),
    /// Read files that are to go into a room.
    Attach {
        /// Where they go.
        room: RoomId,
        /// What goes with them.
        said: Unsaid,
        /// As typed.
        paths: Vec<PathBuf>,
    },
    /// Look whether a text names files.
    LookAt {
        /// The room in which it was written.
        room: RoomId,
        /// As it was pasted or typed.
        text: String,
        /// Whether it was typed, and sent.
        typed: bool,
    },
    /// Do something to the message at a position.
    Act(RoomId, u64, Op),
    /// Save files of a room: one as this file or into this folder, several into this folder; never over another.
    Fetch(Vec<File>, PathBuf),
    /// Open the conversation with one person, by address.
    Direct(String),

    /// Everything of a room up to here was read.
    Read(RoomId, u64),
    /// The person writes in a room, or has stopped.
    Typing(RoomId, bool),

    /// Convert a file.
    Upload {
        /// The number the state gave it.
        upload: u64,
        /// As typed.
        path: PathBuf,
        /// The wanted format.
        to: String,
    },
    /// Stop an upload that is under way.
    StopUpload(u64),
    /// Ask for the newest conversions.
    LoadJobs,
    /// Stop a conversion.
    CancelJob(JobId),
    /// Try a failed conversion again.
    RetryJob(JobId),
    /// Ask what can become what.
    LoadFormats,
    /// Save a result as this file; never over another one.
    Save(JobId, PathBuf),
    /// Look for files whose names begin so.
    CompletePath(String),
}
