// What the page knows of rooms and conversions, as a pure function of the frames it received.

import type { EventPage, Job, Op, RoomEvent, ToClient } from "../wire";
import { NOTHING, pass, type Passed, stopped, worn } from "./passing";

/** Something said here, or done to a message, that is not yet seen in the room's log. */
export type Pending = {
  cid: string; room: string; body: string;
  /** Files that were uploaded for it. */
  att?: string[];
  /** The position of the message that it answers. */
  re?: number;
  /** What is done, and to which message: then nothing is said. */
  act?: { tgt: number } & Op;
  /** `sent` is durable and has its place; the event itself is still on its way. */
  state: "sending" | "sent" | "failed";
  why?: string;
  /** Its place, once it is sent. */
  pos?: number;
  /** Its id is too old for the hub, which has no trace of it: it needs another one. */
  stale?: boolean;
};

export type Hole = { from: number; to: number };

export type RoomState = {
  /** The generation of the log that the positions belong to. */
  ep: string;
  /** In order of position, each once. */
  events: RoomEvent[];
  /** Whether the past is complete and new events arrive by themselves. */
  live: boolean;
  /** What the server said it left out. */
  gaps: Hole[];
  /** Everything up to here is in the database. */
  persisted: number;
  /** Whether the first event is the room's first. */
  complete: boolean;
  /** Why nothing comes any more. */
  refused?: string;
  /** What passes: who is here, who writes. */
  passed: Passed;
};

export type Link = { is: "off" | "connecting" | "live" } | { is: "waiting"; why: string } | { is: "stopped"; why: string };

export type LiveState = {
  link: Link;
  rooms: Readonly<Record<string, RoomState>>;
  pending: readonly Pending[];
  jobs: Readonly<Record<string, Job>>;
  /** How often this person came into a room, here or elsewhere: whoever lists rooms looks again. */
  entered: number;
  /** Up to where rooms are read, here or on another device, as far as it was told since this page was opened. */
  marks: Readonly<Record<string, number>>;
  /** Whether the hub stores no messages right now: what is said waits. */
  held: boolean;
};

export type Action =
  | { do: "frame"; frame: ToClient; now?: number }
  /** Time goes by: what passes wears off. */
  | { do: "tick"; now: number }
  | { do: "link"; link: Link }
  | { do: "say"; pending: Pending }
  | { do: "again"; cid: string }
  | { do: "drop"; cid: string }
  /** An answer over HTTP to "what is before (or after) this position?". */
  | { do: "page"; room: string; asked: { before: number } | { after: number }; page: EventPage }
  /** Nobody looks at what is far back. */
  | { do: "trim"; room: string }
  | { do: "jobs"; jobs: Job[] }
  | { do: "forget job"; id: string };

export const EMPTY: LiveState = { link: { is: "off" }, rooms: {}, pending: [], jobs: {}, entered: 0, marks: {}, held: false };

const NEW_ROOM: RoomState = { ep: "", events: [], live: false, gaps: [], persisted: 0, complete: false, passed: NOTHING };

/** Events of a room whose end is looked at: each line costs a little whenever something is drawn. */
const TRIM = { over: 1_000, to: 300 };

/** The code of a message id that the hub takes no more. */
const STALE = "MSH-4097";

export function reduce(state: LiveState, action: Action): LiveState {
  switch (action.do) {
    case "frame":
      return receive(state, action.frame, action.now ?? 0);
    case "tick":
      return Object.keys(state.rooms).reduce((now, id) => change(now, id, (room) => setPassed(room, worn(room.passed, action.now))), state);
    case "link":
      return action.link.is === "live"
        ? { ...state, link: action.link }
        : { ...state, link: action.link, held: false, rooms: mapRooms(state.rooms, (room) => ({ ...room, live: false, passed: NOTHING })) };
    case "say":
      return { ...state, pending: [...state.pending, action.pending] };
    case "again":
      return setPending(state, action.cid, { state: "sending", why: undefined, stale: undefined });
    case "drop":
      return { ...state, pending: state.pending.filter((one) => one.cid !== action.cid) };
    case "page":
      return takePage(state, action.room, action.asked, action.page);
    case "trim":
      return change(state, action.room, (room) => (room.events.length > TRIM.over ? trimmed(room, room.events.slice(-TRIM.to)) : room));
    case "jobs":
      return action.jobs.reduce(takeJob, state);
    case "forget job":
      return { ...state, jobs: Object.fromEntries(Object.entries(state.jobs).filter(([id]) => id !== action.id)) };
  }
}

function receive(state: LiveState, frame: ToClient, now: number): LiveState {
  switch (frame.t) {
    case "subbed": {
      const known = state.rooms[frame.room];
      const same = known && known.ep === frame.ep && frame.mode !== "reset";
      const room = same ? { ...known, live: false, refused: undefined } : { ...NEW_ROOM, ep: frame.ep };
      return setRoom(state, frame.room, room);
    }
    case "ev":
      return place(state, frame.room, [frame]);
    case "evs":
      return place(state, frame.room, frame.ev);
    case "gap":
      return change(state, frame.room, (room) => ({ ...room, gaps: [...room.gaps, { from: frame.from, to: frame.to }] }));
    case "live":
      return settled(change(state, frame.room, (room) => ({ ...room, live: true })), frame.room, frame.pos);
    case "ok":
      return setPending(state, frame.cid, { state: "sent", why: undefined, pos: frame.pos });
    case "err":
      if (frame.cid) return frame.retry || frame.unknown ? state : setPending(state, frame.cid, { state: "failed", why: frame.detail, stale: frame.code === STALE });
      if (frame.room && !frame.retry) return setRoom(state, frame.room, { ...(state.rooms[frame.room] ?? NEW_ROOM), live: false, refused: frame.detail });
      return state;
    case "unsubbed":
      return change(state, frame.room, (room) => ({ ...room, live: false, refused: "You are not in this room any more." }));
    case "entered":
      return { ...state, entered: state.entered + 1 };
    case "wm":
      return frame.r.reduce(
        (now, head) => change(now, head.room, (room) => ({ ...room, persisted: Math.max(room.persisted, head.pos) })),
        state,
      );
    case "void":
      return change(state, frame.room, (room) => ({ ...room, events: room.events.filter((event) => !frame.pos.includes(event.pos)) }));
    case "read":
      return { ...state, marks: { ...state.marks, [frame.room]: Math.max(state.marks[frame.room] ?? 0, frame.pos) } };
    case "eph":
      return change(state, frame.room, (room) => setPassed(room, pass(room.passed, frame, now)));
    case "hb":
      return state.held === (frame.log === "ro") ? state : { ...state, held: frame.log === "ro" };
    case "job":
      return takeJob(state, frame.job);
    // Nothing to remember; also what a newer hub may say that this page does not know.
    default:
      return state;
  }
}

/** Events of a room that was never subscribed are late frames of one that was left: they are not for us. */
function place(state: LiveState, id: string, events: RoomEvent[]): LiveState {
  const placed = change(state, id, (room) => ({ ...room, events: merge(room.events, events), passed: events.reduce((passed, { by }) => stopped(passed, by), room.passed) }));
  const arrived = new Set(events.map((event) => event.cid));
  const pending = placed.pending.filter((one) => one.room !== id || !arrived.has(one.cid));
  return pending.length === placed.pending.length ? placed : { ...placed, pending };
}

/** The past up to a position is here, or so long ago that it is not shown: what has its place in it is not on its way. */
function settled(state: LiveState, id: string, upto: number): LiveState {
  return { ...state, pending: state.pending.filter((one) => one.room !== id || one.pos === undefined || one.pos > upto) };
}

/** Both in order of position, each position once. What came later wins: it may know its `prev`. */
function merge(known: RoomEvent[], more: RoomEvent[]): RoomEvent[] {
  const newest = known.at(-1)?.pos ?? -1;
  if (more.length === 1 && more[0]!.pos > newest) return [...known, more[0]!];
  const byPos = new Map(known.map((event) => [event.pos, event]));
  for (const event of more) byPos.set(event.pos, { ...byPos.get(event.pos), ...event });
  return [...byPos.values()].sort((a, b) => a.pos - b.pos);
}

/** What is missing between events that are there, oldest first. */
export function holes(room: Pick<RoomState, "events" | "gaps">): Hole[] {
  const unseen = room.events.flatMap((event, at) => {
    const before = room.events[at - 1];
    return before && event.prev !== undefined && event.prev > before.pos ? [{ from: before.pos, to: event.pos }] : [];
  });
  return [...room.gaps, ...unseen].sort((a, b) => a.from - b.from);
}

/** Where to go on after a lost connection: before the first hole, so that nothing is passed over. */
export function resumeAt(room: RoomState): { ep: string; pos: number } | undefined {
  const pos = holes(room)[0]?.from ?? room.events.at(-1)?.pos;
  return pos === undefined ? undefined : { ep: room.ep, pos };
}

function takePage(state: LiveState, id: string, asked: { before: number } | { after: number }, page: EventPage): LiveState {
  // An answer from another generation of the log came too late to mean anything.
  const known = state.rooms[id];
  if (known?.ep !== page.ep) return state;
  // What it was to go before was let go of meanwhile: there would be a hole between.
  if ("before" in asked && (known.events[0]?.pos ?? 0) > asked.before) return state;
  const placed = place(state, id, page.events);
  return change(placed, id, (room) => {
    const persisted = Math.max(room.persisted, page.persisted);
    if ("before" in asked) return { ...room, persisted, complete: room.complete || !page.more };
    const upto = page.more ? (page.events.at(-1)?.pos ?? asked.after) : Infinity;
    return { ...room, persisted, gaps: room.gaps.flatMap((gap) => shrink(gap, asked.after, upto)) };
  });
}

/** What is left of a gap after everything in `(after, upto]` was looked at. */
function shrink(gap: Hole, after: number, upto: number): Hole[] {
  if (after > gap.from) return [gap];
  return upto + 1 >= gap.to ? [] : [{ from: Math.max(gap.from, upto), to: gap.to }];
}

function trimmed(room: RoomState, events: RoomEvent[]): RoomState {
  return { ...room, events, complete: false, gaps: room.gaps.filter((gap) => gap.to > events[0]!.pos) };
}

function takeJob(state: LiveState, job: Job): LiveState {
  const known = state.jobs[job.id];
  return known && known.seq >= job.seq ? state : { ...state, jobs: { ...state.jobs, [job.id]: job } };
}

function change(state: LiveState, id: string, how: (room: RoomState) => RoomState): LiveState {
  const room = state.rooms[id];
  const next = room && how(room);
  return next && next !== room ? setRoom(state, id, next) : state;
}

function setRoom(state: LiveState, id: string, room: RoomState): LiveState {
  return { ...state, rooms: { ...state.rooms, [id]: room } };
}

function setPassed(room: RoomState, passed: Passed): RoomState {
  return passed === room.passed ? room : { ...room, passed };
}

function setPending(state: LiveState, cid: string, how: Partial<Pending>): LiveState {
  return { ...state, pending: state.pending.map((one) => (one.cid === cid ? { ...one, ...how } : one)) };
}

function mapRooms(rooms: LiveState["rooms"], how: (room: RoomState) => RoomState): LiveState["rooms"] {
  return Object.fromEntries(Object.entries(rooms).map(([id, room]) => [id, how(room)]));
}
