// The one socket of the page: keeps itself connected, resumes where it was, and sends what was said until it is durable.

import { newId } from "../ids";
import { CLOSE, PROTOCOL, type EventPage, type Job, type Op, type ToClient, type ToServer } from "../wire";
import { wearsOff } from "./passing";
import { type Action, EMPTY, holes, type LiveState, type Pending, reduce, resumeAt } from "./reduce";

/** What of a browser's WebSocket is used here. */
export type Wire = Pick<WebSocket, "send" | "close" | "onopen" | "onmessage" | "onclose">;

/** The world, as arguments: tests hold it still. */
export type Outside = {
  connect(): Wire;
  /** An access token that is good for a while; `renew` when the hub refused the last one. */
  token(renew: boolean): Promise<string>;
  /** Milliseconds until that token ends. */
  tokenLeft(): number;
  /** Whether a failed `token` means that the session is over, and not only out of reach. */
  isOver(error: unknown): boolean;
  events(room: string, asked: { before: number } | { after: number }, limit?: number): Promise<EventPage>;
  /** 0 to 1. */
  random(): number;
  /** What was said and has no place yet outlives the page. */
  unsent: { keep(one: Pending): void; forget(cid: string): void; all(): Pending[] };
};

const FIRST_EVENTS = 50;
const WELCOME_MS = 10_000;
const BACKOFF_MS = { first: 500, most: 15_000 };
const RETRY_MS = 1_000;
const RENEW_EARLY_MS = 25_000;
/** How often it is said that somebody still writes. */
const WRITES_MS = 3_000;
/** How often what passes is looked at for what has worn off. */
const TICK_MS = 1_000;
/** The most events of one answer. */
const MOST_EVENTS = 500;

export class Live {
  private state: LiveState = EMPTY;
  private readonly listeners = new Set<() => void>();
  private readonly wanted = new Set<string>();
  private wire: Wire | undefined;
  private welcomed = false;
  private attempt = 0;
  private renew = false;
  private subs = 0;
  private window = 1;
  private readonly inFlight = new Set<string>();
  private readonly filling = new Set<string>();
  /** Up to where the hub was told of this connection that rooms are read. */
  private readonly marks = new Map<string, number>();
  /** When it was last said that the person writes in a room. */
  private readonly wrote = new Map<string, number>();
  private readonly loading = new Map<string, Promise<void>>();
  /** How far the hub's clock is ahead of this machine's. */
  private skew = 0;
  private readonly timers: Partial<Record<"connect" | "silence" | "auth" | "pump" | "sub" | "tick", ReturnType<typeof setTimeout>>> = {};

  constructor(private readonly outside: Outside) {}

  readonly snapshot = (): LiveState => this.state;

  readonly listen = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  start(): void {
    if (this.state.link.is !== "off") return;
    for (const pending of this.outside.unsent.all()) this.apply({ do: "say", pending });
    void this.connect();
  }

  /** Signed out: nothing of this person stays. */
  stop(): void {
    this.hangUp();
    this.clear("connect");
    this.wanted.clear();
    this.state = EMPTY;
    for (const listener of this.listeners) listener();
  }

  /** The network came back: do not wait for the timer. */
  hurry(): void {
    if (this.state.link.is === "waiting") void this.connect();
  }

  open(room: string): void {
    this.wanted.add(room);
    if (this.welcomed) this.subscribe(room);
  }

  close(room: string): void {
    this.wanted.delete(room);
    if (this.welcomed) this.send({ t: "unsub", room });
  }

  say(room: string, body: string, more: { att?: string[]; re?: number } = {}): void {
    this.wrote.delete(room);
    this.put({ cid: this.newId(), room, body, ...more, state: "sending" });
  }

  /** Does something to a message. Kept, sent and answered as what is said. */
  act(room: string, tgt: number, op: Op): void {
    this.wrote.delete(room);
    this.put({ cid: this.newId(), room, body: "", act: { tgt, ...op }, state: "sending" });
  }

  private put(pending: Pending): void {
    this.outside.unsent.keep(pending);
    this.apply({ do: "say", pending });
    this.pump();
  }

  private newId(): string {
    return newId(Date.now() + this.skew);
  }

  /** The person writes in a room, or has stopped: said now and then, and worth nothing later. */
  typing(room: string, on: boolean): void {
    const last = this.wrote.get(room);
    if (!this.welcomed || (on ? last !== undefined && Date.now() - last < WRITES_MS : last === undefined)) return;
    if (on) this.wrote.set(room, Date.now());
    else this.wrote.delete(room);
    this.send({ t: "typing", room, on });
  }

  /** The person has seen a room up to a position. */
  read(room: string, pos: number): void {
    if (!this.welcomed || (this.marks.get(room) ?? 0) >= pos) return;
    this.marks.set(room, pos);
    this.send({ t: "read", room, pos });
  }

  /** Once more, with the same `cid`: if it did arrive, the hub knows. Only where the hub wants another one it gets that. */
  again(cid: string): void {
    const one = this.state.pending.find((pending) => pending.cid === cid);
    this.inFlight.delete(cid);
    if (one?.stale) {
      this.apply({ do: "drop", cid });
      return this.put({ ...one, cid: this.newId(), state: "sending", why: undefined, stale: undefined });
    }
    this.apply({ do: "again", cid });
    this.pump();
  }

  drop(cid: string): void {
    this.inFlight.delete(cid);
    this.apply({ do: "drop", cid });
  }

  addJobs(jobs: Job[]): void {
    this.apply({ do: "jobs", jobs });
  }

  forgetJob(id: string): void {
    this.apply({ do: "forget job", id });
  }

  /** What was before the first event that is shown; whoever asks meanwhile waits for the same answer. */
  older(room: string, limit?: number): Promise<void> {
    const first = this.state.rooms[room]?.events[0]?.pos;
    if (first === undefined) return Promise.resolve();
    const loading = this.loading.get(room) ?? this.fetch(room, { before: first }, limit).finally(() => this.loading.delete(room));
    this.loading.set(room, loading);
    return loading;
  }

  /** Goes back in a room until a position is among what is shown; all that lies between comes at once. */
  async reach(room: string, pos: number, stop: AbortSignal): Promise<void> {
    const now = this.state.rooms[room];
    const before = now?.events[0]?.pos;
    if (!now || now.complete || before === undefined) return;
    let first = before;
    const pages: EventPage[] = [];
    while (first > pos && !stop.aborted && (pages[0]?.more ?? true)) {
      const page = await this.outside.events(room, { before: first }, MOST_EVENTS);
      if (page.ep !== now.ep || !page.events[0]) break;
      first = page.events[0].pos;
      pages.unshift(page);
    }
    const oldest = pages[0];
    if (!oldest || stop.aborted) return;
    this.apply({ do: "page", room, asked: { before }, page: { ...oldest, events: pages.flatMap((page) => page.events) } });
  }

  /** Lets go of what is far back in a room whose end is looked at: it can be had again. */
  trim(room: string): void {
    this.apply({ do: "trim", room });
  }

  private async connect(): Promise<void> {
    this.clear("connect");
    this.apply({ do: "link", link: { is: "connecting" } });
    let token: string;
    try {
      token = await this.outside.token(this.renew);
    } catch (error) {
      if (this.outside.isOver(error)) this.apply({ do: "link", link: { is: "stopped", why: "The session has ended. Sign in again." } });
      else this.retry("the hub does not answer");
      return;
    }
    // Signed out while the token was on its way.
    if (this.state.link.is !== "connecting") return;
    this.renew = false;
    const wire = this.outside.connect();
    this.wire = wire;
    wire.onopen = () => this.send({ t: "hello", v: PROTOCOL, tok: token });
    wire.onmessage = (message) => this.receive(JSON.parse(String(message.data)) as ToClient);
    wire.onclose = (event) => this.lost(event.code);
    this.arm("silence", WELCOME_MS, () => this.lost(0));
  }

  private receive(frame: ToClient): void {
    this.apply({ do: "frame", frame, now: Date.now() });
    switch (frame.t) {
      case "welcome":
        this.skew = frame.now === undefined ? 0 : Date.parse(frame.now) - Date.now();
        return this.begin(frame.hb_ms, frame.win);
      case "ok":
        this.inFlight.delete(frame.cid);
        return this.pump();
      case "err":
        if (frame.cid !== undefined) return this.refused(frame.cid, frame.retry || frame.unknown, frame.after_ms);
        if (frame.retry) this.arm("sub", frame.after_ms ?? RETRY_MS, () => this.subscribeAll());
        return;
      case "eph":
        return this.tick();
      case "live":
        return void this.lookUp(frame.room);
      case "drain":
        return this.arm("connect", this.outside.random() * frame.spread_ms, () => this.lost(CLOSE.restart));
      case "ev":
      case "evs":
      case "gap":
        return void this.fill(frame.room);
    }
  }

  private begin(heartbeat: number, window: number): void {
    this.welcomed = true;
    this.attempt = 0;
    this.window = window;
    this.onEachFrame = () => this.arm("silence", heartbeat * 2, () => this.lost(0));
    this.onEachFrame();
    this.apply({ do: "link", link: { is: "live" } });
    this.send({ t: "jobs", on: true });
    this.subscribeAll();
    this.renewLater();
    this.pump();
  }

  private onEachFrame: () => void = () => undefined;

  /** Looks now and then, as long as there is something that wears off. */
  private tick(): void {
    if (this.timers.tick !== undefined || !Object.values(this.state.rooms).some((room) => wearsOff(room.passed))) return;
    this.arm("tick", TICK_MS, () => {
      this.apply({ do: "tick", now: Date.now() });
      this.tick();
    });
  }

  /** What is live stays so: the hub takes a room twice without harm. */
  private subscribeAll(): void {
    for (const room of this.wanted) if (!this.state.rooms[room]?.live) this.subscribe(room);
  }

  private subscribe(room: string): void {
    const known = this.state.rooms[room];
    const after = known && resumeAt(known);
    this.send({ t: "sub", id: ++this.subs, room, after, tail: after ? 0 : FIRST_EVENTS });
  }

  /** Sends in the order things were said, at most as many at once as the hub takes. */
  private pump(): void {
    if (!this.welcomed || this.timers.pump !== undefined) return;
    for (const one of this.state.pending) {
      if (this.inFlight.size >= this.window) return;
      if (one.state !== "sending" || this.inFlight.has(one.cid)) continue;
      this.inFlight.add(one.cid);
      this.send(frameOf(one));
    }
  }

  private refused(cid: string, retry: boolean, afterMs = RETRY_MS): void {
    this.inFlight.delete(cid);
    if (!retry) return this.pump();
    this.arm("pump", afterMs, () => this.pump());
  }

  /** Fetches what is missing between events, one hole at a time. */
  private async fill(room: string): Promise<void> {
    if (this.filling.has(room)) return;
    this.filling.add(room);
    try {
      for (let last = -1; ; ) {
        const hole = this.state.rooms[room] && holes(this.state.rooms[room])[0];
        // No progress: the hub does not have it either; a reconnect asks again.
        if (!hole || hole.from === last) return;
        last = hole.from;
        await this.fetch(room, { after: hole.from });
      }
    } catch {
      // Out of reach: the reconnect resumes before the hole.
    } finally {
      this.filling.delete(room);
    }
  }

  /** Asks how far the database is with a room: watermarks tell only of what happens from now on. */
  private async lookUp(room: string): Promise<void> {
    const newest = this.state.rooms[room]?.events.at(-1)?.pos;
    // Only a mark beside each message depends on it: the next watermark says the same.
    if (newest !== undefined) await this.fetch(room, { after: newest }).catch(() => undefined);
  }

  private async fetch(room: string, asked: { before: number } | { after: number }, limit?: number): Promise<void> {
    this.apply({ do: "page", room, asked, page: await this.outside.events(room, asked, limit) });
  }

  /** The token that opened the socket ends; a newer one keeps it open. */
  private renewLater(): void {
    this.arm("auth", Math.max(this.outside.tokenLeft() - RENEW_EARLY_MS, 1_000), async () => {
      try {
        const tok = await this.outside.token(false);
        if (this.welcomed) this.send({ t: "auth", tok });
        this.renewLater();
      } catch {
        // The hub closes the socket when the old one ends; `lost` finds out why.
      }
    });
  }

  private lost(code: number): void {
    this.hangUp();
    if (code === CLOSE.protocol) {
      return this.apply({ do: "link", link: { is: "stopped", why: "This page and the hub do not understand each other. Reload the page." } });
    }
    this.renew = code === CLOSE.unauthenticated;
    if (code === CLOSE.restart) this.attempt = 0;
    this.retry(code === CLOSE.restart ? "the hub restarts" : "the connection was lost");
  }

  /** Full jitter: a thousand pages must not come back in the same moment. */
  private retry(why: string): void {
    const most = Math.min(BACKOFF_MS.first * 2 ** this.attempt++, BACKOFF_MS.most);
    this.apply({ do: "link", link: { is: "waiting", why } });
    this.arm("connect", this.outside.random() * most, () => void this.connect());
  }

  private hangUp(): void {
    const wire = this.wire;
    this.wire = undefined;
    this.welcomed = false;
    this.onEachFrame = () => undefined;
    this.inFlight.clear();
    this.marks.clear();
    this.wrote.clear();
    this.clear("tick");
    this.clear("silence");
    this.clear("auth");
    this.clear("pump");
    this.clear("sub");
    if (!wire) return;
    wire.onopen = wire.onmessage = wire.onclose = null;
    wire.close();
  }

  private send(frame: ToServer): void {
    this.wire?.send(JSON.stringify(frame));
  }

  private apply(action: Action): void {
    if (action.do === "frame") this.onEachFrame();
    const next = reduce(this.state, action);
    if (next === this.state) return;
    const waits = new Set(next.pending.filter((one) => one.state !== "sent").map((one) => one.cid));
    for (const one of this.state.pending) if (!waits.has(one.cid)) this.outside.unsent.forget(one.cid);
    this.state = next;
    for (const listener of this.listeners) listener();
  }

  private arm(name: keyof Live["timers"], ms: number, what: () => void): void {
    this.clear(name);
    this.timers[name] = setTimeout(() => {
      this.timers[name] = undefined;
      what();
    }, ms);
  }

  private clear(name: keyof Live["timers"]): void {
    clearTimeout(this.timers[name]);
    this.timers[name] = undefined;
  }
}

const frameOf = ({ cid, room, body, att, re, act }: Pending): ToServer =>
  act ? { t: "op", cid, room, ...act } : { t: "send", cid, room, body, re, att };
