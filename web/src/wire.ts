// What travels between this page and the hub: the part of `lib/wire` that the page uses, in the same words.

export type Me = {
  id: string; email: string; name: string; bio: string; tz: string;
  role: "user" | "admin"; has_photo: boolean; created_at: string;
};
export type Tokens = { access_token: string; expires_in: number; refresh_token: string; user: Me };
export type SignedUp = { user: { id: string; email: string; name: string }; mail: "kept" | "sent" };
export type KeptMail = { id: string; to: string; subject: string; text: string; link?: string; code?: string; at: string };

export type Room = {
  id: string; name: string; private: boolean; topic: string; members: number; joined: boolean;
  /** A conversation of two; `name` is what the other one is called. */
  direct?: boolean;
  unread?: number; mentions?: number;
};
export type Member = { id: string; name: string; role: "member" | "moderator" | "owner" };

/** A file of a room, as the hub keeps it. */
export type RoomFile = { id: string; name: string; bytes: number; sha256: string; media_type: string };

/** One fact about a room at its place in the log. */
export type RoomEvent = {
  id: string; room: string; pos: number;
  /** The room's position before this one; absent when the sender of the frame did not know it. */
  prev?: number;
  ts: string; by: string; name: string; cid: string;
  kind: string; body?: string; user?: string; role?: string;
  /** Of a message: what it answers, its files, and whether its text was taken away. */
  re?: number; att?: RoomFile[]; removed?: string;
  /** What is done to another message: which one. */
  tgt?: number;
  /** Of a conversion: the wanted format, its source or result, what is missing in it, and why there is none. */
  to?: string; file?: RoomFile; lost?: string[]; error?: string;
};
export type EventPage = { events: RoomEvent[]; ep: string; upto: number; persisted: number; more: boolean };

export type JobState = "uploading" | "queued" | "in_progress" | "completed" | "failed" | "cancelled";
export type Job = {
  id: string; name: string; from: string; to: string; state: JobState;
  /** Grows with each change: what is not newer is dropped. */
  seq: number;
  progress?: { stage: string; done: number; total?: number; unit: string; percent?: number };
  position?: number; bytes_in: number; bytes_out?: number; sha256?: string; engine?: string;
  degraded: boolean; lost?: string[]; error?: { kind: string; detail: string }; created_at: string;
};
export type ResultLink = { url: string; name: string; bytes: number; sha256: string };
export type FormatPair = { from: string; to: string; engine: string; fidelity: string };

/** RFC 9457, with the codes of the catalogue. */
export type ProblemBody = {
  title: string; status: number; detail: string; code: string; hint?: string; retryable?: boolean;
  errors?: { pointer: string; detail: string }[]; request_id?: string;
};

export const PROTOCOL = 1;
export const CLOSE = { restart: 1012, slow: 4008, protocol: 4400, unauthenticated: 4401, helloTimeout: 4408 } as const;

export type ToServer =
  | { t: "hello"; v: number; tok: string }
  | { t: "auth"; tok: string }
  | { t: "sub"; id: number; room: string; after?: { ep: string; pos: number }; tail: number }
  | { t: "unsub"; room: string }
  | { t: "send"; cid: string; room: string; body: string; att?: string[] }
  | { t: "read"; room: string; pos: number }
  | { t: "jobs"; on: boolean }
  | { t: "ping"; n: number };

export type ToClient =
  | { t: "welcome"; v: number; uid: string; hb_ms: number; win: number }
  | { t: "subbed"; id: number; room: string; ep: string; head: number; mode: "tail" | "resume" | "reset" }
  | ({ t: "ev" } & RoomEvent)
  | { t: "evs"; room: string; ev: RoomEvent[] }
  | { t: "gap"; room: string; from: number; to: number }
  | { t: "live"; room: string; pos: number }
  | { t: "ok"; cid: string; room: string; pos: number; id: string; ts: string; dup?: boolean }
  | { t: "err"; cid?: string; id?: number; room?: string; code: string; detail: string; retry: boolean; unknown: boolean; after_ms?: number }
  | { t: "unsubbed"; room: string }
  | { t: "entered"; room: string; by: string; name: string }
  | { t: "wm"; r: { room: string; pos: number; n: number; h: string }[] }
  | { t: "job"; job: Job }
  | { t: "pong"; n: number }
  | { t: "hb" }
  | { t: "drain"; spread_ms: number };
