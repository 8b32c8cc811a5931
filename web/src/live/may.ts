// Who may do what to a message: the hub's table (`server/src/rooms/rights.rs`), so that nothing is offered that it refuses.

import type { Op, Room } from "../wire";
import type { Message } from "./fold";

export type Deed = Op["op"] | "reply";

/** What somebody may do to a message of a room. */
export function deeds(room: Pick<Room, "role" | "direct">, me: string | undefined, { event, removed, card, pinned }: Message): Set<Deed> {
  if (removed) return new Set();
  const isOwn = event.by === me;
  const keepsOrder = room.role === "moderator" || room.role === "owner";
  const may: [Deed, boolean][] = [
    ["reply", true],
    ["react", true],
    ["unreact", true],
    ["edit", isOwn && !card],
    ["pin", !pinned && (room.direct === true || keepsOrder)],
    ["unpin", pinned && (room.direct === true || keepsOrder)],
    ["redact", isOwn || (keepsOrder && !room.direct)],
  ];
  return new Set(may.flatMap(([deed, is]) => (is ? [deed] : [])));
}
