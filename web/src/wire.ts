// What travels between this page and the hub: the part of `lib/wire` that the page uses, in the same words.

export type Me = {
  id: string; email: string; name: string; bio: string; tz: string;
  role: "user" | "admin"; has_photo: boolean; created_at: string;
  /** Whether one's files may go to conversion services of somebody else. */
  allow_third_party?: boolean;
};
/** What everybody may see of somebody. */
export type Profile = { id: string; name: string; bio: string; tz: string; has_photo: boolean };
export type Tokens = { access_token: string; expires_in: number; refresh_token: string; user: Me };
export type SignedUp = { user: { id: string; email: string; name: string }; mail: "kept" | "sent" };
export type KeptMail = { id: string; to: string; subject: string; text: string; link?: string; code?: string; at: string };

export type Room = {
  id: string; name: string; private: boolean; topic: string; members: number; joined: boolean;
  /** A conversation of two; `name` is what the other one is called. */
  direct?: boolean;
  unread?: number; mentions?: number;
  /** Up to where the person has read, and up to where `unread` was counted. */
  mark?: number; upto?: number;
  /** What the person may do in it. */
  role?: MemberRole;
};
export type MemberRole = "member" | "moderator" | "owner";
export type Presence = "offline" | "away" | "online";
export type Member = { id: string; name: string; role: MemberRole; presence?: Presence };

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
  /** Members whom the text names. */
  mentions?: string[];
  /** What is done to another message: which one. */
  tgt?: number;
  /** Of a conversion: the wanted format, its source or result, what is missing in it, and why there is none. */
  to?: string; file?: RoomFile; lost?: string[]; error?: string;
};
/** A message as the search has it: with everything that was done to it later. */
export type Found = { items: FoundMessage[]; next?: string; behind?: number };
export type FoundMessage = { id: string; room: string; pos: number; ts: string; by: string; name: string; body: string; att?: RoomFile[] };
export type EventPage = { events: RoomEvent[]; ep: string; upto: number; persisted: number; more: boolean };

export type JobState = "uploading" | "queued" | "in_progress" | "completed" | "failed" | "cancelled";
export type JobProgress = { stage: string; done: number; total?: number; unit: string; percent?: number };
export type Job = {
  id: string; name: string; from: string; to: string; state: JobState;
  /** Grows with each change: what is not newer is dropped. */
  seq: number;
  progress?: JobProgress;
  position?: number; bytes_in: number; bytes_out?: number; sha256?: string; engine?: string;
  degraded: boolean; lost?: string[]; error?: { kind: string; detail: string }; created_at: string;
};
export type Jobs = { items: Job[]; next?: string };
/** How good the result of a conversion is, and who made it. */
export type Report = {
  engine?: string; pages?: number; words_in?: number; words_out?: number; recall?: number; lost: string[]; warnings: string[];
  attempts: { engine: string; seconds: number; recall?: number; lost?: string[]; error?: { kind: string; detail: string } }[];
  /** Services of somebody else that the file went to. */
  sent_to?: string[];
  bytes_in: number; bytes_out?: number; seconds?: number; cached?: boolean;
};
export type ResultLink = { url: string; name: string; bytes: number; sha256: string };
export type FormatPair = { from: string; to: string; engine: string; fidelity: string; consent?: boolean };

/** RFC 9457, with the codes of the catalogue. */
export type ProblemBody = {
  title: string; status: number; detail: string; code: string; hint?: string; retryable?: boolean;
  errors?: { pointer: string; detail: string }[]; request_id?: string;
};

export const PROTOCOL = 1;
export const CLOSE = { restart: 1012, slow: 4008, protocol: 4400, unauthenticated: 4401, helloTimeout: 4408 } as const;

/** What is done to a message. */
export type Op = { op: "edit" | "react" | "unreact"; body: string } | { op: "redact" | "pin" | "unpin" };

/** How far the conversion of a card is, while it lasts. */
export type UnderWay = { state: JobState; position?: number; progress?: JobProgress };
/** What passes in a room and is kept nowhere. */
export type Passing =
  | { k: "typing"; user: string; name: string; on: boolean }
  | { k: "presence"; all?: boolean; who: { user: string; is: Presence }[] }
  | { k: "card"; pos: number; at: UnderWay };

export type ToServer =
  | { t: "hello"; v: number; tok: string }
  | { t: "auth"; tok: string }
  | { t: "sub"; id: number; room: string; after?: { ep: string; pos: number }; tail: number }
  | { t: "unsub"; room: string }
  | { t: "send"; cid: string; room: string; body: string; re?: number; att?: string[] }
  | ({ t: "op"; cid: string; room: string; tgt: number } & Op)
  | { t: "typing"; room: string; on: boolean }
  | { t: "read"; room: string; pos: number }
  | { t: "jobs"; on: boolean }
  | { t: "ping"; n: number };

export type ToClient =
  | { t: "welcome"; v: number; uid: string; hb_ms: number; win: number; now?: string }
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
  | { t: "void"; room: string; pos: number[] }
  | { t: "read"; room: string; pos: number }
  | ({ t: "eph"; room: string } & Passing)
  | { t: "job"; job: Job }
  | { t: "pong"; n: number }
  | { t: "hb"; log?: "ok" | "ro" }
  | { t: "drain"; spread_ms: number };
