//! Messages: as they are now, what is done to them, what is read, and what is found.

use reqwest::Method;
use wire::{
    messages::{Act, Found, Message, MessagePage, Read, SearchOrder, Unread},
    paths,
    rooms::Sent,
};

use crate::{
    ask::Ask,
    error::Error,
    hub::Hub,
    rooms::{EventsQuery, of},
};

/// Which messages are searched, and for what.
#[derive(Clone, Debug, Default)]
pub struct SearchQuery {
    /// Words that must all be there; `"in quotes"` one after the other, with `*` at the end only their beginning.
    pub text: String,
    /// Only this room, by name or id.
    pub room: Option<String>,
    /// Only what this person said, by address or id.
    pub by: Option<String>,
    /// Only what the log took at or after this moment (RFC 3339).
    pub since: Option<String>,
    /// Only what the log took before it.
    pub until: Option<String>,
    /// What comes first.
    pub order: SearchOrder,
    /// At most this many: 1 to 100.
    pub limit: Option<u32>,
    /// Where an earlier answer said to go on.
    pub cursor: Option<String>,
}

impl Hub {
    /// A page of messages as they are now, oldest first: edited texts, signs, pins, and what was removed as such.
    pub async fn messages(&self, room: &str, query: EventsQuery) -> Result<MessagePage, Error> {
        self.ask(query.of(Ask::get(of(paths::ROOM_MESSAGES, room)))).await
    }

    /// Pinned messages, oldest first.
    pub async fn pins(&self, room: &str) -> Result<Vec<Message>, Error> {
        let page: MessagePage = self.ask(Ask::get(of(paths::ROOM_PINS, room))).await?;
        Ok(page.messages)
    }

    /// Does something to a message. Like [`Hub::say`] it returns when that is durable, and is sent again with the same
    /// id until its fate is known.
    pub async fn act(&self, room: &str, act: &Act) -> Result<Sent, Error> {
        self.append(room, Ask::post(of(paths::ROOM_OPS, room)).json(act)?).await
    }

    /// Marks a room as read up to a position, or all of it; what is unread after that.
    pub async fn read(&self, room: &str, upto: Option<u64>) -> Result<Unread, Error> {
        self.ask(Ask::new(Method::PUT, of(paths::ROOM_READ, room)).json(&Read { upto })?).await
    }

    /// Messages of one's rooms that hold certain words.
    pub async fn search(&self, query: &SearchQuery) -> Result<Found, Error> {
        let SearchQuery { text, room, by, since, until, order, limit, cursor } = query;
        let order = (*order == SearchOrder::Rank).then(|| "rank".to_owned());
        let limit = limit.map(|limit| limit.to_string());
        let rest = [
            ("room", room),
            ("by", by),
            ("since", since),
            ("until", until),
            ("order", &order),
            ("limit", &limit),
            ("cursor", cursor),
        ];
        let ask = rest
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
            .fold(Ask::get(paths::SEARCH).query("q", text), |ask, (name, value)| ask.query(name, value));
        self.ask(ask).await
    }
}
