//! Mail: sent over SMTP, or kept in a folder where the person at the hub's own machine can read it.

mod kept;

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

/// Why a mail was not sent; trying again later may help.
#[derive(Debug, thiserror::Error)]
#[error("the mail could not be sent: {0}")]
pub struct SendError(pub String);

/// Sends mail. Cheap to clone.
#[derive(Clone)]
pub enum Mailer {
    /// Keeps it.
    Kept(Kept),
}

impl Mailer {
    /// Opens the mailer: `kept:FOLDER` keeps a file a mail.
    pub async fn open(url: &str, clock: Clock) -> anyhow::Result<Self> {
        match crate::split_scheme(url) {
            ("kept", folder) => Ok(Self::Kept(Kept::open(folder, clock).await?)),
            _ => {
                Err(UnknownEngine { port: "mail", url: crate::redacted(url), expected: "kept:FOLDER" }.into())
            }
        }
    }

    /// Sends one mail. Sending the same `id` again is harmless.
    pub async fn send(&self, id: uuid::Uuid, mail: Mail) -> Result<(), SendError> {
        match self {
            Self::Kept(kept) => kept.send(id, mail).await,
        }
    }

    /// What happens to mail here.
    pub fn route(&self) -> MailRoute {
        match self {
            Self::Kept(_) => MailRoute::Kept,
        }
    }

    /// Kept mail to an address (or to anybody), newest first; empty where mail is sent.
    pub async fn kept(&self, to: Option<&str>) -> Vec<KeptMail> {
        match self {
            Self::Kept(kept) => kept.list(to).await,
        }
    }
}
