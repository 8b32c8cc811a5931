// What people see of a room's events: messages as they are now, and what else happened, in words.

import type { RoomEvent, RoomFile } from "../wire";

export type Card = { to: string; source?: RoomFile; result?: RoomFile; lost: string[]; why?: string };

export type Message = {
  /** The event that began it. */
  event: RoomEvent;
  body: string;
  files: RoomFile[];
  edited: boolean;
  removed: boolean;
  pinned: boolean;
  /** Who put which sign on it. */
  signs: ReadonlyMap<string, ReadonlySet<string>>;
  /** The conversion that it is about. */
  card?: Card;
};

export type Line = { message: Message } | { event: RoomEvent; fact: string };

/** In the order of the log. What is done to a message whose event is not here yet shows when that one comes. */
export function fold(events: readonly RoomEvent[]): Line[] {
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
  return lines;
}

function begun(event: RoomEvent): Message {
  const card = event.kind === "said" ? undefined : { to: event.to ?? "", source: event.file, lost: [] };
  const removed = event.removed !== undefined;
  return { event, body: event.body ?? "", files: event.att ?? [], edited: false, removed, pinned: false, signs: new Map(), card };
}

/** What of a message changes by what was done to it. */
function done(message: Message, event: RoomEvent): Partial<Message> {
  switch (event.kind) {
    case "edited":
      return message.removed ? {} : { body: event.body ?? "", edited: true };
    case "redacted":
      return { body: "", files: [], removed: true, pinned: false, card: undefined };
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
