//! Mail: sent over SMTP, or kept in a folder where the person at the hub's own machine can read it.

mod kept;
#[cfg(feature = "smtp")]
mod smtp;

pub use kept::Kept;
use wire::accounts::{KeptMail, MailRoute};

use crate::{Clock, UnknownEngine};

/// One mail to one person.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mail {
    /// The address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The link that the text asks to follow, if any.
    pub link: Option<String>,
    /// The short code that the text carries, if any.
    pub code: Option<String>,
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Trying again later may help.
    #[error("the mail could not be sent: {0}")]
    Later(String),
    /// This mail will never be taken: there is no such mailbox, for example. Trying again is useless.
    #[error("the mail was refused: {0}")]
    Refused(String),
}

/// What this build understands.
const EXPECTED: &str = if cfg!(feature = "smtp") {
    "kept:FOLDER or smtp://[USER:PASSWORD@]HOST[:PORT][?tls=required|opportunistic|none&from=ADDRESS&timeout=SECONDS] (smtps:// for TLS \
     from the first byte)"
} else {
    "kept:FOLDER"
};

/// Sends mail. Cheap to clone.
#[derive(Clone)]
pub enum Mailer {
    /// Keeps it.
    Kept(Kept),
    /// Sends it.
    #[cfg(feature = "smtp")]
    Smtp(smtp::Smtp),
}

impl Mailer {
    /// Opens the mailer: `kept:FOLDER` keeps a file a mail, `smtp://[USER:PASSWORD@]HOST[:PORT]` hands it to a server.
    ///
    /// With `smtp:` the connection must become TLS (STARTTLS, port 587), on loopback it may; `?tls=required`,
    /// `opportunistic` or `none` say otherwise. `smtps:` is TLS from the first byte (port 465). `?from=` is the sender's
    /// address; without it the user is, if it is an address, or else `mshub@HOST`. A server that is down fails nothing
    /// here: mail waits for it.
    pub async fn open(url: &str, clock: Clock) -> anyhow::Result<Self> {
        match crate::split_scheme(url) {
            ("kept", folder) => Ok(Self::Kept(Kept::open(folder, clock).await?)),
            #[cfg(feature = "smtp")]
            ("smtp" | "smtps", _) => Ok(Self::Smtp(smtp::Smtp::open(url, clock)?)),
            _ => Err(UnknownEngine { port: "mail", url: crate::redacted(url), expected: EXPECTED }.into()),
        }
    }

    /// Sends one mail. Sending the same `id` again is harmless: kept, it replaces itself; sent, it carries the same
    /// `Message-ID`.
    pub async fn send(&self, id: uuid::Uuid, mail: Mail) -> Result<(), SendError> {
        match self {
            Self::Kept(kept) => kept.send(id, mail).await,
            #[cfg(feature = "smtp")]
            Self::Smtp(smtp) => smtp.send(id, &mail).await,
        }
    }

    /// What happens to mail here.
    pub fn route(&self) -> MailRoute {
        match self {
            Self::Kept(_) => MailRoute::Kept,
            #[cfg(feature = "smtp")]
            Self::Smtp(_) => MailRoute::Sent,
        }
    }

    /// Kept mail to an address (or to anybody), newest first; empty where mail is sent.
    pub async fn kept(&self, to: Option<&str>) -> Vec<KeptMail> {
        match self {
            Self::Kept(kept) => kept.list(to).await,
            #[cfg(feature = "smtp")]
            Self::Smtp(_) => Vec::new(),
        }
    }
}
