// The frame reducer: order, once each, holes, and what becomes of things said.

import { describe, expect, test } from "vitest";
import type { EventPage, Job, RoomEvent, ToClient } from "../wire";
import { type Action, EMPTY, holes, type LiveState, reduce, resumeAt } from "./reduce";

const ROOM = "room-1";

const event = (pos: number, more: Partial<RoomEvent> = {}): RoomEvent => ({
  id: `m${pos}`, room: ROOM, pos, ts: "2026-01-01T00:00:00.000000Z", by: "ann", name: "Ann", cid: `c${pos}`, kind: "said", body: `say ${pos}`, ...more,
});
const frame = (one: ToClient): Action => ({ do: "frame", frame: one });
const subbed = (ep = "e1", mode: "tail" | "resume" | "reset" = "tail") => frame({ t: "subbed", id: 1, room: ROOM, ep, head: 0, mode });
const ev = (pos: number, more?: Partial<RoomEvent>) => frame({ t: "ev", ...event(pos, more) });
const page = (events: RoomEvent[], more = false, ep = "e1"): EventPage => ({ events, ep, upto: 0, persisted: 0, more });
const after = (...actions: Action[]): LiveState => actions.reduce(reduce, EMPTY);
const positions = (state: LiveState) => state.rooms[ROOM]!.events.map((one) => one.pos);

describe("events", () => {
  test("stand in order of position, each once, however they arrive", () => {
    const state = after(subbed(), ev(5), ev(3), frame({ t: "evs", room: ROOM, ev: [event(3), event(4), event(5)] }), ev(4));

    expect(positions(state)).toEqual([3, 4, 5]);
  });

  test("of a room that is not open are not kept", () => {
    expect(after(ev(1)).rooms).toEqual({});
  });

  test("of another generation of the log do not mix", () => {
    const state = after(subbed("e1"), ev(7), subbed("e2", "reset"), ev(1));

    expect(positions(state)).toEqual([1]);
    expect(resumeAt(state.rooms[ROOM]!)).toEqual({ ep: "e2", pos: 1 });
  });

  test("survive a resumed subscription", () => {
    expect(positions(after(subbed(), ev(1), subbed("e1", "resume"), ev(2)))).toEqual([1, 2]);
  });
});

describe("holes", () => {
  test("show where an event names a predecessor that is not there, and close when it comes", () => {
    const open = after(subbed(), ev(1), ev(4, { prev: 3 }));
    expect(holes(open.rooms[ROOM]!)).toEqual([{ from: 1, to: 4 }]);

    const filled = reduce(open, { do: "page", room: ROOM, asked: { after: 1 }, page: page([event(2, { prev: 1 }), event(3, { prev: 2 })]) });
    expect(holes(filled.rooms[ROOM]!)).toEqual([]);
  });

  test("said by the server shrink with each page", () => {
    const open = after(subbed(), ev(1), frame({ t: "gap", room: ROOM, from: 1, to: 9 }), ev(9));

    const half = reduce(open, { do: "page", room: ROOM, asked: { after: 1 }, page: page([event(2), event(5)], true) });
    expect(holes(half.rooms[ROOM]!)).toEqual([{ from: 5, to: 9 }]);

    const whole = reduce(half, { do: "page", room: ROOM, asked: { after: 5 }, page: page([event(8)]) });
    expect(holes(whole.rooms[ROOM]!)).toEqual([]);
  });

  test("are where a new connection resumes, so that nothing is passed over", () => {
    expect(resumeAt(after(subbed(), ev(1), ev(4, { prev: 3 })).rooms[ROOM]!)).toEqual({ ep: "e1", pos: 1 });
  });

  test("are not filled with a page of another generation", () => {
    const state = after(subbed("e2"), { do: "page", room: ROOM, asked: { before: 5 }, page: page([event(4)], false, "e1") });

    expect(positions(state)).toEqual([]);
  });
});

describe("something said", () => {
  const say: Action = { do: "say", pending: { cid: "c9", room: ROOM, body: "hi", state: "sending" } };
  const ok = frame({ t: "ok", cid: "c9", room: ROOM, pos: 9, id: "m9", ts: "" });
  const err = (retry: boolean, unknown = false) => frame({ t: "err", cid: "c9", code: "MSH-5030", detail: "no room", retry, unknown });

  test("is sending, then sent, then an event and nothing else", () => {
    expect(after(subbed(), say).pending[0]!.state).toBe("sending");
    expect(after(subbed(), say, ok).pending[0]!.state).toBe("sent");

    const done = after(subbed(), say, ok, ev(9));
    expect(done.pending).toEqual([]);
    expect(positions(done)).toEqual([9]);
  });

  test("is done when its event comes before its acknowledgement", () => {
    expect(after(subbed(), say, ev(9), ok).pending).toEqual([]);
  });

  test("is not lost from sight when the hub could not take it yet", () => {
    expect(after(subbed(), say, err(true)).pending[0]!.state).toBe("sending");
    expect(after(subbed(), say, err(false, true)).pending[0]!.state).toBe("sending");
  });

  test("says why it failed, and can be tried again", () => {
    const failed = after(subbed(), say, err(false));
    expect(failed.pending[0]).toMatchObject({ state: "failed", why: "no room" });
    expect(reduce(failed, { do: "again", cid: "c9" }).pending[0]).toMatchObject({ cid: "c9", state: "sending" });
  });

  test("does not move the place to resume at before its event is there", () => {
    expect(resumeAt(after(subbed(), ev(1), say, ok).rooms[ROOM]!)).toEqual({ ep: "e1", pos: 1 });
  });
});

test("what has its place in a past that is here is not on its way any more", () => {
  const say: Action = { do: "say", pending: { cid: "c4", room: ROOM, body: "hi", state: "sending" } };
  const state = after(subbed(), say, frame({ t: "ok", cid: "c4", room: ROOM, pos: 4, id: "m4", ts: "", dup: true }));

  expect(reduce(state, frame({ t: "live", room: ROOM, pos: 3 })).pending.length).toBe(1);
  expect(reduce(state, frame({ t: "live", room: ROOM, pos: 9 })).pending).toEqual([]);
});

test("positions that count for nothing are not shown, and a read mark never goes back", () => {
  const read = (pos: number) => frame({ t: "read", room: ROOM, pos });
  const state = after(subbed(), ev(1), ev(2), frame({ t: "void", room: ROOM, pos: [2] }), read(5), read(3));

  expect(positions(state)).toEqual([1]);
  expect(state.marks[ROOM]).toBe(5);
});

test("what is far back is let go of, and can be had again", () => {
  const all = Array.from({ length: 1_001 }, (_, at) => event(at + 1));
  const whole = after(subbed(), { do: "page", room: ROOM, asked: { before: 2_000 }, page: page(all) });
  expect(whole.rooms[ROOM]!.complete).toBe(true);

  const less = reduce(whole, { do: "trim", room: ROOM });
  expect([positions(less)[0], positions(less).at(-1), less.rooms[ROOM]!.complete]).toEqual([702, 1_001, false]);
  expect(reduce(less, { do: "trim", room: ROOM })).toBe(less);
  // What was on its way to before the first event that was there would leave a hole now.
  expect(reduce(less, { do: "page", room: ROOM, asked: { before: 1 }, page: page([event(0)]) })).toBe(less);
});

test("who writes has stopped when what they said is there", () => {
  const writes = frame({ t: "eph", room: ROOM, k: "typing", user: "ann", name: "Ann", on: true });

  expect(Object.keys(after(subbed(), writes).rooms[ROOM]!.passed.writing)).toEqual(["ann"]);
  expect(after(subbed(), writes, ev(1)).rooms[ROOM]!.passed.writing).toEqual({});
});

test("the hub says when messages have to wait, and when not any more", () => {
  const held = after(frame({ t: "hb", log: "ro" }));

  expect(held.held).toBe(true);
  expect(reduce(held, frame({ t: "hb", log: "ok" })).held).toBe(false);
});

test("a conversion never goes back to an older state", () => {
  const job = (seq: number, state: Job["state"]) => ({ id: "j", seq, state }) as Job;
  const state = after(frame({ t: "job", job: job(3, "completed") }), { do: "jobs", jobs: [job(2, "in_progress")] });

  expect(state.jobs["j"]!.state).toBe("completed");
});

test("a lost link takes the word live off every room", () => {
  const state = after(subbed(), frame({ t: "live", room: ROOM, pos: 0 }), { do: "link", link: { is: "waiting", why: "" } });

  expect(state.rooms[ROOM]!.live).toBe(false);
});

test("the watermark never goes back", () => {
  const wm = (pos: number) => frame({ t: "wm", r: [{ room: ROOM, pos, n: 1, h: "" }] });

  expect(after(subbed(), wm(5), wm(3)).rooms[ROOM]!.persisted).toBe(5);
});

test("a frame of a newer hub is passed over", () => {
  const state = after(subbed());

  expect(reduce(state, frame({ t: "news" } as unknown as ToClient))).toBe(state);
});
