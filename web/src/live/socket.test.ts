// The connection: what it says first, how it resumes, and that what was said is sent until it is durable.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CLOSE, type EventPage, type ToClient, type ToServer } from "../wire";
import type { Pending } from "./reduce";
import { Live, type Outside, type Wire } from "./socket";

class FakeWire implements Wire {
  onopen: Wire["onopen"] = null;
  onmessage: Wire["onmessage"] = null;
  onclose: Wire["onclose"] = null;
  closed = false;
  sent: ToServer[] = [];
  send(text: unknown) {
    this.sent.push(JSON.parse(String(text)));
  }
  close() {
    this.closed = true;
  }
  open() {
    this.onopen?.call(this as unknown as WebSocket, new Event("open"));
  }
  says(frame: ToClient) {
    this.onmessage?.call(this as unknown as WebSocket, { data: JSON.stringify(frame) } as MessageEvent);
  }
  breaks(code: number) {
    this.onclose?.call(this as unknown as WebSocket, { code } as CloseEvent);
  }
  kinds() {
    return this.sent.map((frame) => frame.t);
  }
}

const ROOM = "room-1";
const WELCOME: ToClient = { t: "welcome", v: 1, uid: "ann", hb_ms: 15_000, win: 2 };
let wires: FakeWire[];
let tokens: boolean[];
let kept: Map<string, Pending>;

function hub(more: Partial<Outside> = {}): Live {
  return new Live({
    connect: () => (wires.push(new FakeWire()), wires.at(-1)!),
    token: async (renew) => (tokens.push(renew), `token-${tokens.length}`),
    tokenLeft: () => 600_000,
    isOver: () => false,
    events: async () => ({ events: [], ep: "e1", upto: 0, persisted: 0, more: false }),
    random: () => 0.5,
    unsent: { keep: (one) => void kept.set(one.cid, one), forget: (cid) => void kept.delete(cid), all: () => [...kept.values()] },
    ...more,
  });
}

async function welcome(): Promise<FakeWire> {
  await vi.advanceTimersByTimeAsync(1);
  const wire = wires.at(-1)!;
  wire.open();
  wire.says(WELCOME);
  return wire;
}

const ev = (pos: number, prev?: number): ToClient => ({
  t: "ev", id: `m${pos}`, room: ROOM, pos, prev, ts: "", by: "bob", name: "Bob", cid: `c${pos}`, kind: "said", body: "x",
});

beforeEach(() => {
  vi.useFakeTimers();
  wires = [];
  tokens = [];
  kept = new Map();
});
afterEach(() => vi.useRealTimers());

test("the token is the first frame, and subscriptions wait for the welcome", async () => {
  const live = hub();
  live.open(ROOM);
  live.start();
  await vi.advanceTimersByTimeAsync(1);
  wires[0]!.open();
  expect(wires[0]!.sent).toEqual([{ t: "hello", v: 1, tok: "token-1" }]);

  wires[0]!.says(WELCOME);

  expect(wires[0]!.kinds()).toEqual(["hello", "jobs", "sub"]);
});

test("after a break it resumes behind the last event and sends the same message again", async () => {
  const live = hub();
  live.open(ROOM);
  live.start();
  const first = await welcome();
  first.says({ t: "subbed", id: 1, room: ROOM, ep: "e1", head: 4, mode: "tail" });
  first.says(ev(4));
  live.say(ROOM, "hello");
  const sent = first.sent.find((frame) => frame.t === "send")!;

  first.breaks(1006);
  await vi.advanceTimersByTimeAsync(500);
  const second = await welcome();

  expect(second.sent).toContainEqual(expect.objectContaining({ t: "sub", room: ROOM, after: { ep: "e1", pos: 4 } }));
  expect(second.sent).toContainEqual(sent);
});

test("no more messages wait for their answer than the hub allows, and the next one follows the first answer", async () => {
  const live = hub();
  live.start();
  const wire = await welcome();
  for (const body of ["1", "2", "3"]) live.say(ROOM, body);
  const said = () => wire.sent.flatMap((frame) => (frame.t === "send" ? [frame] : []));
  expect(said().map((one) => one.body)).toEqual(["1", "2"]);

  wire.says({ t: "ok", cid: said()[0]!.cid, room: ROOM, pos: 1, id: "m", ts: "" });

  expect(said().map((one) => one.body)).toEqual(["1", "2", "3"]);
});

test("silence for two heartbeats is a lost link", async () => {
  const live = hub();
  live.start();
  const wire = await welcome();
  await vi.advanceTimersByTimeAsync(29_000);
  wire.says({ t: "hb" });
  await vi.advanceTimersByTimeAsync(29_000);
  expect(live.snapshot().link.is).toBe("live");

  await vi.advanceTimersByTimeAsync(1_500);

  expect(wire.closed).toBe(true);
  expect(wires.length).toBe(2);
});

test("a refused token is renewed before the next attempt, and a session that is over ends it", async () => {
  const live = hub({ isOver: () => tokens.length > 1, token: async (renew) => (tokens.push(renew), renew ? Promise.reject(new Error()) : "t") });
  live.start();
  const wire = await welcome();

  wire.breaks(CLOSE.unauthenticated);
  await vi.advanceTimersByTimeAsync(1_000);

  expect(tokens).toEqual([false, true]);
  expect(live.snapshot().link.is).toBe("stopped");
});

test("a hole is filled over HTTP", async () => {
  const filler: EventPage = { events: [{ ...(ev(2, 1) as Extract<ToClient, { t: "ev" }>) }], ep: "e1", upto: 3, persisted: 3, more: false };
  const events = vi.fn(async () => filler);
  const live = hub({ events });
  live.open(ROOM);
  live.start();
  const wire = await welcome();
  wire.says({ t: "subbed", id: 1, room: ROOM, ep: "e1", head: 3, mode: "tail" });

  wire.says(ev(1));
  wire.says(ev(3, 2));
  await vi.advanceTimersByTimeAsync(1);

  expect(events).toHaveBeenCalledWith(ROOM, { after: 1 }, undefined);
  expect(live.snapshot().rooms[ROOM]!.events.map((one) => one.pos)).toEqual([1, 2, 3]);
});

test("signing out forgets everything and stays away", async () => {
  const live = hub();
  live.start();
  const wire = await welcome();
  live.say(ROOM, "secret");

  live.stop();
  await vi.advanceTimersByTimeAsync(60_000);

  expect(wire.closed).toBe(true);
  expect(wires.length).toBe(1);
  expect(live.snapshot().pending).toEqual([]);
});

test("a subscription that failed for now is asked for again, one that was refused is not", async () => {
  const live = hub();
  live.open(ROOM);
  live.start();
  const wire = await welcome();
  const subs = () => wire.kinds().filter((kind) => kind === "sub").length;
  const err = (retry: boolean): ToClient => ({ t: "err", id: 1, room: ROOM, code: "MSH-5020", detail: "down", retry, unknown: false, after_ms: 700 });

  wire.says(err(true));
  await vi.advanceTimersByTimeAsync(699);
  expect(subs()).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(subs()).toBe(2);

  wire.says(err(false));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(subs()).toBe(2);
  expect(live.snapshot().rooms[ROOM]!.refused).toBe("down");
});

test("what was said outlives the page until it is durable", async () => {
  const before = hub();
  before.start();
  before.say(ROOM, "half written", { att: ["file-1"] });
  before.stop();
  expect([...kept.values()].map((one) => one.body)).toEqual(["half written"]);

  const after = hub();
  after.start();
  const wire = await welcome();
  const sent = wire.sent.find((frame) => frame.t === "send")!;
  expect(sent).toMatchObject({ body: "half written", att: ["file-1"] });
  wire.says({ t: "ok", cid: sent.cid, room: ROOM, pos: 7, id: "m7", ts: "" });
  expect(kept.size).toBe(0);
});

test("what is done to a message is sent once more after a break, with the same id, and outlives the page", async () => {
  const live = hub();
  live.start();
  const first = await welcome();
  live.act(ROOM, 4, { op: "edit", body: "better" });
  const sent = first.sent.find((frame) => frame.t === "op")!;
  expect(sent).toMatchObject({ room: ROOM, tgt: 4, op: "edit", body: "better" });
  expect([...kept.keys()]).toEqual([sent.cid]);

  first.breaks(1006);
  await vi.advanceTimersByTimeAsync(500);
  const second = await welcome();
  expect(second.sent.filter((frame) => frame.t === "op")).toEqual([sent]);

  second.says({ t: "ok", cid: sent.cid, room: ROOM, pos: 7, id: "m7", ts: "" });
  expect(kept.size).toBe(0);
});

test("an answer says what it answers", async () => {
  const live = hub();
  live.start();
  const wire = await welcome();

  live.say(ROOM, "yes", { re: 4 });

  expect(wire.sent).toContainEqual(expect.objectContaining({ t: "send", body: "yes", re: 4 }));
});

test("an id that is too old is replaced when it is tried again, any other is kept", async () => {
  const live = hub();
  live.start();
  const wire = await welcome();
  live.say(ROOM, "from long ago");
  const ids = () => wire.sent.flatMap((frame) => (frame.t === "send" ? [frame.cid] : []));
  const refuse = (code: string) => wire.says({ t: "err", cid: ids().at(-1)!, code, detail: "no", retry: false, unknown: false });

  refuse("MSH-4031");
  live.again(ids()[0]!);
  expect(ids()[1]).toBe(ids()[0]);

  refuse("MSH-4097");
  live.again(ids()[0]!);
  expect(ids()[2]).not.toBe(ids()[0]);
  expect([...kept.keys()]).toEqual([ids()[2]]);
});

test("ids are made with the hub's clock", async () => {
  const live = hub();
  live.start();
  await vi.advanceTimersByTimeAsync(1);
  wires[0]!.open();
  wires[0]!.says({ ...WELCOME, now: new Date(Date.now() + 3_600_000).toISOString() } as ToClient);

  live.say(ROOM, "hello");

  const made = live.snapshot().pending[0]!.cid.replaceAll("-", "").slice(0, 12);
  expect(parseInt(made, 16)).toBe(Date.now() + 3_600_000);
});

test("that somebody writes is said now and then, and what others were told wears off here", async () => {
  const live = hub();
  live.open(ROOM);
  live.start();
  const wire = await welcome();
  const typed = () => wire.sent.flatMap((frame) => (frame.t === "typing" ? [frame.on] : []));
  live.typing(ROOM, false);
  live.typing(ROOM, true);
  live.typing(ROOM, true);
  expect(typed()).toEqual([true]);
  await vi.advanceTimersByTimeAsync(3_000);
  live.typing(ROOM, true);
  live.typing(ROOM, false);
  expect(typed()).toEqual([true, true, false]);

  wire.says({ t: "subbed", id: 1, room: ROOM, ep: "e1", head: 0, mode: "tail" });
  wire.says({ t: "eph", room: ROOM, k: "typing", user: "bob", name: "Bob", on: true });
  expect(Object.keys(live.snapshot().rooms[ROOM]!.passed.writing)).toEqual(["bob"]);
  await vi.advanceTimersByTimeAsync(7_000);
  expect(live.snapshot().rooms[ROOM]!.passed.writing).toEqual({});
});

test("going back to a message stops there, at the beginning, and where the hub has nothing more", async () => {
  const asked: number[] = [];
  const events = async (_: string, part: object) => {
    const before = (part as { before: number }).before;
    if (!("before" in part)) return { events: [], ep: "e1", upto: 0, persisted: 0, more: false };
    asked.push(before);
    const older = [before - 2, before - 1].filter((pos) => pos > 0).map((pos) => ev(pos) as Extract<ToClient, { t: "ev" }>);
    return { events: older, ep: "e1", upto: 0, persisted: 0, more: before > 3 };
  };
  const live = hub({ events });
  live.open(ROOM);
  live.start();
  const wire = await welcome();
  wire.says({ t: "subbed", id: 1, room: ROOM, ep: "e1", head: 9, mode: "tail" });
  wire.says(ev(9));

  await live.reach(ROOM, 6, new AbortController().signal);
  expect(asked).toEqual([9, 7]);
  expect(live.snapshot().rooms[ROOM]!.events.map((one) => one.pos)).toEqual([5, 6, 7, 8, 9]);

  await live.reach(ROOM, 0, new AbortController().signal);
  expect(asked).toEqual([9, 7, 5, 3]);
  expect(live.snapshot().rooms[ROOM]!.complete).toBe(true);
});

test("a room is told as read once a position, and again by the next connection", async () => {
  const live = hub();
  live.start();
  const wire = await welcome();
  live.read(ROOM, 5);
  live.read(ROOM, 5);
  live.read(ROOM, 4);
  expect(wire.sent.filter((frame) => frame.t === "read")).toEqual([{ t: "read", room: ROOM, pos: 5 }]);

  wire.breaks(CLOSE.restart);
  await vi.advanceTimersByTimeAsync(20_000);
  const next = await welcome();
  live.read(ROOM, 5);
  expect(next.kinds()).toContain("read");
});
