//! What a socket is told of what it sent.

use platform::service::ApiError;
use wire::{ClientId, Code, Problem, RoomId, frames::ToClient, rooms::Sent};

use super::{
    attempts::{Key, Outcome},
    encoded,
    line::Line,
};
use crate::rooms::say;

/// The frame for the outcome of a message that was on its way.
pub(super) fn answered(line: &Line, (room, _, cid): Key, outcome: Outcome) -> bytes::Bytes {
    line.answered_one();
    let frame = match outcome {
        Ok(sent) => ok(cid, room, sent),
        Err(error) => refused(line, cid, room, &say::refused(error)),
    };
    encoded(&frame)
}

/// A message was not taken; when that is for now, later ones of the room wait for it.
pub(super) fn refused(line: &Line, cid: ClientId, room: RoomId, error: &ApiError) -> ToClient {
    if error.problem().retryable {
        line.hold_back(room, cid);
    }
    refusal(error.problem(), Some(cid), None, Some(room))
}

pub(super) fn ok(cid: ClientId, room: RoomId, Sent { id, pos, ts, dup, .. }: Sent) -> ToClient {
    ToClient::Ok { cid, room, pos, id, ts, dup }
}

pub(super) fn refusal(
    problem: &Problem,
    cid: Option<ClientId>,
    id: Option<u64>,
    room: Option<RoomId>,
) -> ToClient {
    ToClient::Err {
        cid,
        id,
        room,
        code: problem.code.clone(),
        detail: problem.detail.clone(),
        retry: problem.retryable,
        unknown: problem.known() == Some(Code::OutcomeUnknown),
        after_ms: problem.retryable.then_some(1_000),
    }
}
