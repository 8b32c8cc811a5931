// What was said and has no place in the log yet, kept by the browser: a reload, or a hub that is away, loses nothing.

import type { Pending } from "./live/reduce";

const start = (who: string | undefined): string => `mshub.unsent.${who}.`;

/** What the signed-in person has not sent yet; another tab may send it first, and it is said once all the same. */
export class Unsent {
  constructor(private readonly who: () => string | undefined) {}

  keep(one: Pending): void {
    try {
      localStorage.setItem(start(this.who()) + one.cid, JSON.stringify(one));
    } catch {
      // The browser's store is full: it is sent all the same, as long as the page is open.
    }
  }

  forget(cid: string): void {
    localStorage.removeItem(start(this.who()) + cid);
  }

  /** In the order in which they were said: their ids grow with time. */
  all(): Pending[] {
    const kept = names(this.who()).map((name) => JSON.parse(localStorage.getItem(name)!) as Pending);
    return kept.map((one): Pending => ({ ...one, state: "sending" })).sort((a, b) => a.cid.localeCompare(b.cid));
  }
}

/** Somebody signs out: nothing of theirs stays. */
export function clearUnsent(who: string | undefined): void {
  for (const name of names(who)) localStorage.removeItem(name);
}

const names = (who: string | undefined): string[] => Object.keys(localStorage).filter((name) => name.startsWith(start(who)));
