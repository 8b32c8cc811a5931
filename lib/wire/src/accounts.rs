//! Accounts: sign-up, verification, sessions and profiles.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, UserId, frames::LogState};

/// `POST /api/v1/auth/signup`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// Where the verification mail goes; also the name to sign in with.
    pub email: String,
    /// What others see; 1 to 64 characters.
    pub name: String,
    /// 10 to 256 characters that are hard to guess.
    pub password: String,
}

/// `202` of sign-up. The same shape whether or not the address already has an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedUp {
    /// The account as it was asked for.
    pub user: NewUser,
    /// Where the verification mail goes.
    pub mail: MailRoute,
}

/// An account that waits for verification.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NewUser {
    /// The id the account has once it is verified.
    pub id: UserId,
    /// The address as it will be compared: trimmed, lower case.
    pub email: String,
    /// What others will see.
    pub name: String,
}

/// What the hub does with mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MailRoute {
    /// No SMTP is configured: mail is kept and readable on the hub's own machine.
    Kept,
    /// Mail is sent over SMTP.
    Sent,
}

/// `POST /api/v1/auth/verify`: the token of a link, or the short code.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The `token` of the mailed link, or the short code of the same mail.
    pub token: String,
}

/// `POST /api/v1/auth/resend`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Resend {
    /// The address to verify.
    pub email: String,
}

/// `POST /api/v1/auth/login`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The account's address.
    pub email: String,
    /// The account's password.
    pub password: String,
    /// What the session is called in lists, such as `mshub on laptop`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// `POST /api/v1/auth/refresh`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The newest refresh token of the session; each works once.
    pub refresh_token: String,
}

/// A signed-in session: login and refresh answer with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Tokens {
    /// JWT (RFC 9068) for the `Authorization: Bearer` header.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds until the access token expires.
    pub expires_in: u64,
    /// Opaque; exchange it for new tokens before or after expiry. Each works once.
    pub refresh_token: String,
    /// Who is signed in.
    pub user: Me,
}

/// What an account may do on this hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Uses the hub.
    User,
    /// Also runs it.
    Admin,
}

/// `GET /api/v1/me`: one's own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Me {
    /// The account.
    pub id: UserId,
    /// Where mail goes.
    pub email: String,
    /// What others see.
    pub name: String,
    /// A few words about oneself.
    #[serde(default)]
    pub bio: String,
    /// IANA time zone name, such as `Europe/Prague`; empty when not set.
    #[serde(default)]
    pub tz: String,
    /// User or admin.
    pub role: Role,
    /// Whether there is a photo at `/api/v1/users/{id}/photo`.
    #[serde(default)]
    pub has_photo: bool,
    /// Whether one's files may go to conversion services of somebody else.
    #[serde(default)]
    pub allow_third_party: bool,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// `PATCH /api/v1/me`: only what is given changes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EditProfile {
    /// 1 to 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// At most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bio: Option<String>,
    /// IANA time zone name; empty to clear it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tz: Option<String>,
    /// Whether one's files may go to conversion services of somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_third_party: Option<bool>,
}

/// `GET /api/v1/users/{id}`: what any signed-in person sees of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Profile {
    /// The account.
    pub id: UserId,
    /// What others see.
    pub name: String,
    /// A few words.
    #[serde(default)]
    pub bio: String,
    /// IANA time zone name; empty when not set.
    #[serde(default)]
    pub tz: String,
    /// Whether there is a photo.
    #[serde(default)]
    pub has_photo: bool,
}

/// One row of `GET /api/v1/auth/sessions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Session {
    /// The session.
    pub id: uuid::Uuid,
    /// What the client called itself at login.
    pub device: String,
    /// When it signed in.
    pub created_at: Timestamp,
    /// When it last refreshed its tokens.
    pub last_seen_at: Timestamp,
    /// Whether this is the session asking.
    pub current: bool,
}

/// A list answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Sessions {
    /// Newest first.
    pub items: Vec<Session>,
}

/// One kept mail, as `GET /api/v1/mail` lists it (loopback only).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeptMail {
    /// Grows with time.
    pub id: uuid::Uuid,
    /// The address it would have gone to.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its plain text.
    pub text: String,
    /// The link it asks the reader to follow, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The short code it carries, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// When it was kept.
    pub at: Timestamp,
}

/// A list answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct KeptMails {
    /// Newest first.
    pub items: Vec<KeptMail>,
}

/// One row of `GET /api/v1/admin/users`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminUser {
    /// The account.
    pub id: UserId,
    /// Its address.
    pub email: String,
    /// Its name.
    pub name: String,
    /// User or admin.
    pub role: Role,
    /// Whether the address is verified.
    pub verified: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A list answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AdminUsers {
    /// Newest first.
    pub items: Vec<AdminUser>,
}

/// `GET /api/v1/admin/overview`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Overview {
    /// The running version.
    pub version: String,
    /// Accounts, verified or not.
    pub users: u64,
    /// Rooms that are not closed.
    pub rooms: u64,
    /// Live sockets on this gateway.
    pub sockets: u64,
    /// The newest position of the chat log.
    pub log_head: u64,
}

/// `GET /.well-known/mshub`: what a client needs to know before it signs in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct HubInfo {
    /// Always `mshub`.
    pub product: String,
    /// The running version.
    pub version: String,
    /// The newest protocol version of the live socket.
    pub protocol: u32,
    /// What the hub does with mail.
    pub mail: MailRoute,
    /// The largest upload in bytes.
    pub max_upload_bytes: u64,
    /// When messages are acknowledged: `fsync`, the disk has them; `os`, the operating system has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub durability: Option<String>,
    /// What the log takes; not said where it takes messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogState>,
}
