//! Records of the log: how a fact is written there and read again. A plain message takes a short way, because nearly every
//! record is one; whatever else there is takes the way of [`ChatRecord`], which says what is right.

use serde::Deserialize;

use crate::{
    ClientId, MessageId, RoomId, UserId,
    events::{ChatRecord, RoomFact, What},
    files::File,
};

/// How a record of the first version begins, up to the fact's own braces.
const FIRST: &[u8] = br#"{"v":"room1""#;
/// What a fact takes beside its text, about.
const BESIDE: usize = 384;

/// A fact as the log has it: the JSON of [`ChatRecord`].
pub fn write(fact: &RoomFact) -> String {
    let mut text = Vec::with_capacity(BESIDE + fact.what.body().len());
    text.extend_from_slice(FIRST);
    let brace = text.len();
    serde_json::to_writer(&mut text, fact).expect("a fact is plain data");
    text[brace] = b',';
    String::from_utf8(text).expect("JSON is UTF-8")
}

/// The fact of a record. Fails on what is no fact of a version and a kind that are known.
pub fn read(text: &str) -> serde_json::Result<RoomFact> {
    if let Ok(message) = serde_json::from_str::<Message>(text)
        && let Some(fact) = message.fact()
    {
        return Ok(fact);
    }
    let ChatRecord::RoomV1(fact) = serde_json::from_str(text)?;
    Ok(fact)
}

/// A message, all of whose fields stand side by side: a tag and a flattened field would be read into a buffer first.
#[derive(Deserialize)]
struct Message<'a> {
    v: &'a str,
    id: MessageId,
    room: RoomId,
    by: UserId,
    name: String,
    cid: ClientId,
    kind: &'a str,
    body: String,
    #[serde(default)]
    re: Option<u64>,
    #[serde(default)]
    mentions: Vec<UserId>,
    #[serde(default)]
    att: Vec<File>,
    #[serde(default)]
    removed: Option<String>,
}

impl Message<'_> {
    fn fact(self) -> Option<RoomFact> {
        let Self { v, id, room, by, name, cid, kind, body, re, mentions, att, removed } = self;
        let what = What::Said { body, re, mentions, att, removed };
        (v == "room1" && kind == "said").then_some(RoomFact { id, room, by, name, cid, what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileId;

    fn fact(what: What) -> RoomFact {
        let (id, room, by, cid) = (MessageId::new(), RoomId::new(), UserId::new(), ClientId::new());
        RoomFact { id, room, by, name: "Ann \"the\" one\n".into(), cid, what }
    }

    fn file() -> File {
        let (id, sha256) = (FileId::new(), "00".repeat(32));
        File { id, name: "é.pdf".into(), bytes: 7, sha256, media_type: "application/pdf".into() }
    }

    #[test]
    fn every_fact_is_written_and_read_as_the_schema_says() {
        let (body, mentions) = ("grüße \\ \u{1f600}\u{0}", vec![UserId::new()]);
        let facts = [
            What::said(body),
            What::Said { body: body.into(), re: Some(7), mentions, att: vec![file()], removed: None },
            What::Said {
                body: String::new(),
                re: None,
                mentions: Vec::new(),
                att: Vec::new(),
                removed: Some("ab".repeat(32)),
            },
            What::Joined,
            What::Closed,
            What::Redacted { tgt: 3 },
            What::Edited { tgt: 3, body: "x".into(), mentions: Vec::new(), removed: None },
            What::Invited { user: UserId::new(), body: "Bob".into() },
        ];
        for fact in facts.map(fact) {
            let text = write(&fact);

            assert_eq!(text, serde_json::to_string(&ChatRecord::RoomV1(fact.clone())).unwrap());
            assert_eq!(read(&text).unwrap(), fact);
            let ChatRecord::RoomV1(slowly) = serde_json::from_str(&text).unwrap();
            assert_eq!(slowly, fact);
        }
    }

    #[test]
    fn a_message_of_tomorrow_is_read_and_what_is_no_fact_is_refused() {
        let fact = fact(What::said("hi"));
        let text = write(&fact);

        assert_eq!(read(&text.replace(r#""v":"room1""#, r#""more":[1],"v":"room1""#)).unwrap(), fact);
        for (from, to) in [("room1", "room9"), (r#""said""#, r#""sung""#), (r#""body":"hi""#, r#""body":7"#)]
        {
            assert!(read(&text.replace(from, to)).is_err(), "{to}");
        }
        assert!(read("").is_err() && read("{}").is_err());
    }
}
