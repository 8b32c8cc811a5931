//! Every URL path, topic and subject, once. `{…}` stands for a parameter, as axum and OpenAPI write it.

/// Topic of the durable log that all chat facts go through.
pub const TOPIC_CHAT: &str = "chat_service";
/// Fan-out subject of [`crate::events::Hint`]s.
pub const SUBJECT_HINTS: &str = "hints";

/// What a client may know before it signs in.
pub const HUB_INFO: &str = "/.well-known/mshub";
/// Public keys of the access tokens (RFC 7517).
pub const JWKS: &str = "/.well-known/jwks.json";
/// The OpenAPI document.
pub const OPENAPI: &str = "/api/openapi.json";
/// Interactive API documentation.
pub const DOCS: &str = "/docs";
/// Alive.
pub const LIVEZ: &str = "/livez";
/// Ready, part by part.
pub const READYZ: &str = "/readyz";
/// Prometheus metrics.
pub const METRICS: &str = "/metrics";

/// Sign up.
pub const SIGNUP: &str = "/api/v1/auth/signup";
/// Verify an address.
pub const VERIFY: &str = "/api/v1/auth/verify";
/// The page that a mailed link opens; it posts to [`VERIFY`].
pub const VERIFY_PAGE: &str = "/verify";
/// Ask for another verification mail.
pub const RESEND: &str = "/api/v1/auth/resend";
/// Sign in.
pub const LOGIN: &str = "/api/v1/auth/login";
/// New tokens for a refresh token.
pub const REFRESH: &str = "/api/v1/auth/refresh";
/// End this session.
pub const LOGOUT: &str = "/api/v1/auth/logout";
/// One's own sessions.
pub const SESSIONS: &str = "/api/v1/auth/sessions";
/// One of them.
pub const SESSION: &str = "/api/v1/auth/sessions/{id}";
/// One's own account.
pub const ME: &str = "/api/v1/me";
/// One's own photo.
pub const MY_PHOTO: &str = "/api/v1/me/photo";
/// Somebody's profile.
pub const USER: &str = "/api/v1/users/{id}";
/// Somebody's photo.
pub const USER_PHOTO: &str = "/api/v1/users/{id}/photo";
/// Kept mail, loopback only.
pub const MAIL: &str = "/api/v1/mail";

/// Rooms.
pub const ROOMS: &str = "/api/v1/rooms";
/// One room, by id or name.
pub const ROOM: &str = "/api/v1/rooms/{room}";
/// Join it.
pub const ROOM_JOIN: &str = "/api/v1/rooms/{room}/join";
/// Leave it.
pub const ROOM_LEAVE: &str = "/api/v1/rooms/{room}/leave";
/// Make somebody a member.
pub const ROOM_INVITES: &str = "/api/v1/rooms/{room}/invites";
/// Who is in it.
pub const ROOM_MEMBERS: &str = "/api/v1/rooms/{room}/members";
/// Say something.
pub const ROOM_MESSAGES: &str = "/api/v1/rooms/{room}/messages";
/// One member of it.
pub const ROOM_MEMBER: &str = "/api/v1/rooms/{room}/members/{user}";
/// Do something to a message.
pub const ROOM_OPS: &str = "/api/v1/rooms/{room}/ops";
/// Pinned messages.
pub const ROOM_PINS: &str = "/api/v1/rooms/{room}/pins";
/// Read it up to a position.
pub const ROOM_READ: &str = "/api/v1/rooms/{room}/read";
/// What happens, as it happens, without a socket.
pub const ROOM_TAIL: &str = "/api/v1/rooms/{room}/tail";
/// The conversation with one person.
pub const DIRECT: &str = "/api/v1/direct";
/// Messages that hold certain words.
pub const SEARCH: &str = "/api/v1/search";
/// What happened.
pub const ROOM_EVENTS: &str = "/api/v1/rooms/{room}/events";
/// Where it stands in the database: count and chain hash.
pub const ROOM_HEAD: &str = "/api/v1/rooms/{room}/head";
/// Files of a room; an upload goes here.
pub const ROOM_FILES: &str = "/api/v1/rooms/{room}/files";
/// Have a file of a room converted, for everybody in it.
pub const ROOM_CONVERSIONS: &str = "/api/v1/rooms/{room}/conversions";
/// One file: its bytes.
pub const FILE: &str = "/api/v1/files/{id}";
/// What it is.
pub const FILE_INFO: &str = "/api/v1/files/{id}/info";
/// A small picture of it.
pub const FILE_THUMBNAIL: &str = "/api/v1/files/{id}/thumbnail";
/// The socket.
pub const LIVE: &str = "/api/v1/live";

/// Conversions.
pub const CONVERSIONS: &str = "/api/v1/conversions";
/// The live matrix.
pub const FORMATS: &str = "/api/v1/conversions/formats";
/// With what one's webhooks are signed.
pub const WEBHOOK_SECRET: &str = "/api/v1/conversions/webhook-secret";
/// One conversion.
pub const CONVERSION: &str = "/api/v1/conversions/{id}";
/// Stop it.
pub const CONVERSION_CANCEL: &str = "/api/v1/conversions/{id}/cancel";
/// Start a failed one again.
pub const CONVERSION_RETRY: &str = "/api/v1/conversions/{id}/retry";
/// A link to its result.
pub const CONVERSION_RESULT: &str = "/api/v1/conversions/{id}/result";
/// How good it is, and who made it.
pub const CONVERSION_REPORT: &str = "/api/v1/conversions/{id}/report";
/// What happens to it, as it happens.
pub const CONVERSION_EVENTS: &str = "/api/v1/conversions/{id}/events";
/// Files to convert that come in pieces, by tus 1.0.
pub const UPLOADS: &str = "/api/v1/uploads";
/// One of them.
pub const UPLOAD: &str = "/api/v1/uploads/{id}";
/// Batches of conversions.
pub const BATCHES: &str = "/api/v1/batches";
/// One of them.
pub const BATCH: &str = "/api/v1/batches/{id}";
/// Stop it, and all that belongs to it.
pub const BATCH_CANCEL: &str = "/api/v1/batches/{id}/cancel";
/// A signed link of the folder store.
pub const OBJECT: &str = "/objects/{*key}";

/// Accounts, for admins.
pub const ADMIN_USERS: &str = "/api/v1/admin/users";
/// Conversions that failed after every attempt, for admins.
pub const ADMIN_DEAD_LETTERS: &str = "/api/v1/admin/dead-letters";
/// Starts one of them again.
pub const ADMIN_DEAD_LETTER_REPLAY: &str = "/api/v1/admin/dead-letters/{id}/replay";
/// Figures, for admins.
pub const ADMIN_OVERVIEW: &str = "/api/v1/admin/overview";

/// Between the gateway and the workers: never reachable by users.
pub mod internal {
    /// Bearer token header value prefix that the workers check.
    pub const USER_HEADER: &str = "x-mshub-user";
    /// `yes` when the owner of a document lets services of somebody else have it. The gateway alone says so.
    pub const CONSENT_HEADER: &str = "x-mshub-third-party";
    /// chat-worker: history of a room (`after`, `before`, `limit`).
    pub const HISTORY: &str = "/internal/v1/rooms/{room}/events";
    /// chat-worker: where a message of the user in the header was stored (`cid`), or null.
    pub const SENT: &str = "/internal/v1/rooms/{room}/sent";
    /// chat-worker: folded messages of a room (`after`, `before`, `limit`).
    pub const MESSAGES: &str = "/internal/v1/rooms/{room}/messages";
    /// chat-worker: pinned messages of a room.
    pub const PINS: &str = "/internal/v1/rooms/{room}/pins";
    /// chat-worker: what is unread after read marks of the user in the header.
    pub const UNREAD: &str = "/internal/v1/unread";
    /// chat-worker: messages of some rooms that hold certain words.
    pub const SEARCH: &str = "/internal/v1/search";
    /// chat-worker: how far the database is with a room.
    pub const HEAD: &str = "/internal/v1/rooms/{room}/head";
    /// convert-worker: jobs of the user in the header.
    pub const JOBS: &str = "/internal/v1/jobs";
    /// convert-worker: one job.
    pub const JOB: &str = "/internal/v1/jobs/{id}";
    /// convert-worker: stop it.
    pub const JOB_CANCEL: &str = "/internal/v1/jobs/{id}/cancel";
    /// convert-worker: start a failed one again.
    pub const JOB_RETRY: &str = "/internal/v1/jobs/{id}/retry";
    /// convert-worker: where its result is kept.
    pub const JOB_RESULT: &str = "/internal/v1/jobs/{id}/result";
    /// convert-worker: how good it is, and who made it.
    pub const JOB_REPORT: &str = "/internal/v1/jobs/{id}/report";
    /// convert-worker: jobs of everybody that failed after every attempt and through no document's fault, for admins.
    pub const DEAD_LETTERS: &str = "/internal/v1/dead-letters";
    /// convert-worker: one of them.
    pub const DEAD_LETTER: &str = "/internal/v1/dead-letters/{id}";
    /// convert-worker: what happened to it (`after`).
    pub const JOB_EVENTS: &str = "/internal/v1/jobs/{id}/events";
    /// convert-worker: batches of the user in the header.
    pub const BATCHES: &str = "/internal/v1/batches";
    /// convert-worker: one batch.
    pub const BATCH: &str = "/internal/v1/batches/{id}";
    /// convert-worker: stop it, and all that belongs to it.
    pub const BATCH_CANCEL: &str = "/internal/v1/batches/{id}/cancel";
    /// convert-worker: with what webhooks of the user in the header are signed.
    pub const WEBHOOK_SECRET: &str = "/internal/v1/webhook-secret";
    /// convert-worker: uploads of the user in the header that come in pieces.
    pub const UPLOADS: &str = "/internal/v1/uploads";
    /// convert-worker: one of them; its next bytes (`at`) are appended there.
    pub const UPLOAD: &str = "/internal/v1/uploads/{id}";
    /// convert-worker: the live matrix.
    pub const FORMATS: &str = "/internal/v1/formats";
    /// convert-worker: whether an upload with this query would be taken, as far as its words tell.
    pub const UPLOAD_CHECK: &str = "/internal/v1/upload-check";
}

/// Fills the parameter of a path, percent-encoding what a path segment must not hold.
///
/// `fill("/api/v1/rooms/{room}/join", "a b")` is `/api/v1/rooms/a%20b/join`.
pub fn fill(path: &str, value: impl std::fmt::Display) -> String {
    let (Some(from), Some(to)) = (path.find('{'), path.find('}')) else {
        return path.to_owned();
    };
    format!("{}{}{}", &path[..from], segment(&value.to_string()), &path[to + 1..])
}

pub(crate) fn segment(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                out.push(byte as char)
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filled_path_cannot_leave_its_segment() {
        assert_eq!(fill(ROOM_JOIN, "#a/../b?x"), "/api/v1/rooms/%23a%2F..%2Fb%3Fx/join");
        assert_eq!(fill(LIVEZ, "x"), "/livez");
    }
}
