// The socket of this page, tied to the browser and to the session.

import { useSyncExternalStore } from "react";
import { Problem, request } from "../api";
import * as session from "../session";
import { Unsent } from "../unsent";
import type { EventPage } from "../wire";
import { Live } from "./socket";

const PAGE = 100;

export const live = new Live({
  connect: () => new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/v1/live`),
  token: session.accessToken,
  tokenLeft: session.accessLeft,
  isOver: (error) => error instanceof Problem && error.status === 401,
  events: (room, asked, limit = PAGE) => {
    const query = new URLSearchParams({ ...Object.fromEntries(Object.entries(asked).map(([k, v]) => [k, String(v)])), limit: String(limit) });
    return request<EventPage>("GET", `/api/v1/rooms/${room}/events?${query}`);
  },
  random: Math.random,
  unsent: new Unsent(() => session.user()?.id),
});

window.addEventListener("online", () => live.hurry());

/** Follows the session: signed in means connected. */
export function followSession(): void {
  let who: string | undefined;
  const look = () => {
    const now = session.user()?.id;
    if (now === who) return;
    who = now;
    live.stop();
    if (now) live.start();
  };
  session.onChange(look);
  look();
}

/** A part of what the page knows; the component draws again when that part changes. */
export function useLive<T>(part: (state: ReturnType<typeof live.snapshot>) => T): T {
  return useSyncExternalStore(live.listen, () => part(live.snapshot()));
}
