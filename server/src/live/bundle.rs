//! Events as frames: one alone is `ev`, several that came together are one `evs`, of a bounded size.

use bytes::Bytes;
use wire::RoomId;

use super::{
    frame::text,
    limits::{BUNDLE, BUNDLE_BYTES},
    room::Kept,
};

/// Frames for events of a room, each with the position of its newest event. Nothing is encoded again.
pub(super) fn frames(room: RoomId, events: &[Kept]) -> Vec<(u64, Bytes)> {
    let (mut frames, mut rest) = (Vec::new(), events);
    while !rest.is_empty() {
        let (bundle, later) = rest.split_at(fitting(rest));
        frames.extend(bundle.last().map(|newest| (newest.pos, frame(room, bundle))));
        rest = later;
    }
    frames
}

/// How many events from the front fit into one frame; at least one.
fn fitting(events: &[Kept]) -> usize {
    let sums = events.iter().scan(0, |bytes, event| {
        *bytes += event.json.len() + 1;
        Some(*bytes)
    });
    sums.take(BUNDLE).take_while(|bytes| *bytes <= BUNDLE_BYTES).count().max(1)
}

fn frame(room: RoomId, events: &[Kept]) -> Bytes {
    if let [event] = events {
        return text(event.json.len() + 16, |frame| {
            frame.extend_from_slice(br#"{"t":"ev","#);
            frame.extend_from_slice(&event.json.as_bytes()[1..]);
        });
    }
    let bytes: usize = events.iter().map(|event| event.json.len() + 1).sum();
    text(bytes + 80, |frame| {
        frame.extend_from_slice(format!(r#"{{"t":"evs","room":"{room}","ev":["#).as_bytes());
        for (n, event) in events.iter().enumerate() {
            if n > 0 {
                frame.push(b',');
            }
            frame.extend_from_slice(event.json.as_bytes());
        }
        frame.extend_from_slice(b"]}");
    })
}

#[cfg(test)]
mod tests {
    use wire::{
        ClientId, MessageId, Timestamp, UserId,
        events::{RoomEvent, What},
        frames::ToClient,
    };

    use super::*;
    use crate::live::frame::payload;

    fn event(room: RoomId, pos: u64, body: &str) -> RoomEvent {
        RoomEvent {
            id: MessageId::new(),
            room,
            pos,
            prev: Some(pos - 1),
            ts: Timestamp::from_micros(0),
            by: UserId::new(),
            name: "Ann".into(),
            cid: ClientId::new(),
            what: What::said(body),
        }
    }

    fn kept(event: &RoomEvent) -> Kept {
        Kept { pos: event.pos, json: serde_json::to_string(event).unwrap().into() }
    }

    fn read(frame: &Bytes) -> ToClient {
        serde_json::from_str(payload(frame)).unwrap()
    }

    #[test]
    fn one_event_is_ev_and_several_are_evs_of_the_same_events() {
        let room = RoomId::new();
        let events = [event(room, 1, "one"), event(room, 2, "t\"wo")];
        let kept: Vec<_> = events.iter().map(kept).collect();

        let one = frames(room, &kept[..1]);
        let two = frames(room, &kept);

        assert_eq!(read(&one[0].1), ToClient::Ev(events[0].clone()));
        assert_eq!(read(&two[0].1), ToClient::Evs { room, ev: events.to_vec() });
        assert_eq!((one[0].0, two[0].0, two.len()), (1, 2, 1));
    }

    #[test]
    fn frames_are_bounded_in_events_and_in_bytes() {
        let room = RoomId::new();
        let small: Vec<_> = (1..=120).map(|pos| kept(&event(room, pos, "x"))).collect();
        let large: Vec<_> = (1..=3).map(|pos| kept(&event(room, pos, &"x".repeat(BUNDLE_BYTES)))).collect();

        assert!(frames(room, &small).iter().all(|(_, frame)| frame.len() < BUNDLE_BYTES + 200));
        assert_eq!(frames(room, &small).last().unwrap().0, 120);
        assert_eq!(frames(room, &large).iter().map(|(pos, _)| *pos).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(frames(room, &[]).is_empty());
    }
}
