//! Ids: UUIDv7 newtypes, so that a room is never passed where a user is meant and ids sort by age.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What is no id at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoId;

impl fmt::Display for NoId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an id looks like 01932c07-2d0f-7cc3-9a5b-5f0f6a6ab1d2")
    }
}

impl std::error::Error for NoId {}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh id: UUIDv7 (RFC 9562), ordered by the millisecond it was made in.
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }

        impl FromStr for $name {
            type Err = NoId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self).map_err(|_| NoId)
            }
        }
    };
}

id!(
    /// An account.
    UserId
);
id!(
    /// A room.
    RoomId
);
id!(
    /// One event of a room, made by the gateway that appended it.
    MessageId
);
id!(
    /// One conversion.
    JobId
);
id!(
    /// An upload that comes in pieces.
    UploadId
);
id!(
    /// Several conversions that are one thing.
    BatchId
);
id!(
    /// A file that was uploaded into a room.
    FileId
);
id!(
    /// Made by the client when the person presses Enter; `(room, author, cid)` is unique for ever, so that
    /// sending again after a lost acknowledgement is harmless.
    ClientId
);
