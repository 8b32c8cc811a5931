// What people see of a room's events: messages as they are now, and what else happened, in words.

import type { Op, RoomEvent, RoomFile } from "../wire";
import type { Pending } from "./reduce";

export type Card = { to: string; source?: RoomFile; result?: RoomFile; lost: string[]; why?: string };

export type Message = {
  /** The event that began it. */
  event: RoomEvent;
  body: string;
  files: readonly RoomFile[];
  /** Members whom the text names. */
  mentions: readonly string[];
  edited: boolean;
  removed: boolean;
  pinned: boolean;
  /** Who put which sign on it. */
  signs: ReadonlyMap<string, ReadonlySet<string>>;
  /** The conversion that it is about. */
  card?: Card;
  /** What this person does to it right now: shown as done until the hub refuses it. */
  acts: readonly Pending[];
};

export type Line = { message: Message } | { event: RoomEvent; fact: string };

/** What is an array or a map everywhere until something happens: equal means unchanged. */
const NONE: readonly never[] = [];
const NO_SIGNS: Message["signs"] = new Map();

/**
 * In the order of the log. What is done to a message whose event is not here yet shows when that one comes. `acts` is what
 * `me` does right now and the log does not have yet.
 */
export function fold(events: readonly RoomEvent[], acts: readonly Pending[] = [], me = ""): Line[] {
  const lines: Line[] = [];
  const messages = new Map<number, Message>();
  for (const event of events) {
    if (event.kind === "said" || event.kind === "convert_requested") {
      const message = begun(event);
      messages.set(event.pos, message);
      lines.push({ message });
    } else if (event.tgt !== undefined) {
      const message = messages.get(event.tgt);
      if (message) Object.assign(message, done(message, event));
    } else {
      lines.push({ event, fact: words(event) });
    }
  }
  for (const one of acts) {
    const message = one.act && messages.get(one.act.tgt);
    if (!message) continue;
    if (one.state !== "failed") Object.assign(message, done(message, { ...message.event, by: me, kind: FACTS[one.act!.op], body: "body" in one.act! ? one.act.body : "" }));
    message.acts = [...message.acts, one];
  }
  return lines;
}

const FACTS: Record<Op["op"], string> = { edit: "edited", redact: "redacted", react: "reacted", unreact: "unreacted", pin: "pinned", unpin: "unpinned" };

function begun(event: RoomEvent): Message {
  const card = event.kind === "said" ? undefined : { to: event.to ?? "", source: event.file, lost: [] };
  const removed = event.removed !== undefined;
  return { event, body: event.body ?? "", files: event.att ?? NONE, mentions: event.mentions ?? NONE, edited: false, removed, pinned: false, signs: NO_SIGNS, card, acts: NONE };
}

/** What of a message changes by what was done to it; to a removed one nothing is done any more. The rule of `Message::take`. */
function done(message: Message, event: RoomEvent): Partial<Message> {
  if (message.removed) return {};
  switch (event.kind) {
    case "edited":
      return event.by === message.event.by ? { body: event.body ?? "", mentions: event.mentions ?? NONE, edited: true } : {};
    case "redacted":
      return { body: "", files: NONE, mentions: NONE, signs: NO_SIGNS, removed: true, pinned: false, card: undefined };
    case "reacted":
      return { signs: signed(message, event, (who) => who.add(event.by)) };
    case "unreacted":
      return { signs: signed(message, event, (who) => who.delete(event.by)) };
    case "pinned":
      return { pinned: true };
    case "unpinned":
      return { pinned: false };
    case "convert_completed":
      return message.card ? { card: { ...message.card, result: event.file, lost: event.lost ?? [] } } : {};
    case "convert_failed":
      return message.card ? { card: { ...message.card, why: event.body || "it failed" } } : {};
    // A newer hub may do more to a message than this page knows.
    default:
      return {};
  }
}

function signed({ signs }: Message, { body = "" }: RoomEvent, how: (who: Set<string>) => unknown): Message["signs"] {
  const who = new Set(signs.get(body));
  how(who);
  const all = new Map(signs).set(body, who);
  if (who.size === 0) all.delete(body);
  return all;
}

function words(event: RoomEvent): string {
  const whom = event.body || "somebody";
  switch (event.kind) {
    case "created": return "made the room";
    case "joined": return "joined";
    case "left": return "left";
    case "invited": return `added ${whom}`;
    case "kicked": return `removed ${whom}`;
    case "role_changed": return `made ${whom} ${event.role ?? "something else"}`;
    case "topic_changed": return event.body ? `set the topic: ${event.body}` : "took the topic away";
    case "renamed": return `renamed the room to ${whom}`;
    case "closed": return "closed the room";
    default: return "did something that this page does not know yet";
  }
}
