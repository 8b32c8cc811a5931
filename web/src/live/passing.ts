// What passes in a room: who is here, who writes, how far conversions are. Nothing depends on it, and all of it wears off.

import type { Passing, Presence, UnderWay } from "../wire";

/** How long each holds unless it is told again, see `frames::TYPING` and `frames::CARD` of `lib/wire`. */
const HOLDS_MS = 6_000;

export type Passed = {
  here: Readonly<Record<string, Presence>>;
  writing: Readonly<Record<string, { name: string; until: number }>>;
  /** By the position of the message. */
  cards: Readonly<Record<number, { at: UnderWay; until: number }>>;
};

export const NOTHING: Passed = { here: {}, writing: {}, cards: {} };

export function pass(was: Passed, what: Passing, now: number): Passed {
  switch (what.k) {
    case "typing":
      return what.on ? { ...was, writing: { ...was.writing, [what.user]: { name: what.name, until: now + HOLDS_MS } } } : stopped(was, what.user);
    case "presence":
      return { ...was, here: { ...(what.all ? {} : was.here), ...Object.fromEntries(what.who.map(({ user, is }) => [user, is])) } };
    case "card":
      return { ...was, cards: { ...was.cards, [what.pos]: { at: what.at, until: now + HOLDS_MS } } };
    // A newer hub may let more pass than this page knows.
    default:
      return was;
  }
}

/** Writing ends with what was said. */
export function stopped(was: Passed, user: string): Passed {
  return user in was.writing ? { ...was, writing: without(was.writing, (who) => who === user) } : was;
}

/** Without what has not been told again in time. */
export function worn(was: Passed, now: number): Passed {
  const isOver = ({ until }: { until: number }) => until <= now;
  if (![...Object.values(was.writing), ...Object.values(was.cards)].some(isOver)) return was;
  return { ...was, writing: without(was.writing, (_, one) => isOver(one)), cards: without(was.cards, (_, one) => isOver(one)) };
}

/** Whether there is something that wears off. */
export const wearsOff = (passed: Passed): boolean => Object.keys(passed.writing).length + Object.keys(passed.cards).length > 0;

function without<T extends object>(all: T, gone: (key: string, value: T[keyof T]) => boolean): T {
  return Object.fromEntries(Object.entries(all).filter(([key, value]) => !gone(key, value as T[keyof T]))) as T;
}

/** Who writes, as a sentence; three or more are not counted one by one. */
export function whoWrites(passed: Passed | undefined, me: string | undefined): string {
  const names = Object.entries(passed?.writing ?? {}).flatMap(([user, { name }]) => (user === me ? [] : [name]));
  if (names.length > 2) return "Several people are writing…";
  return names.length ? `${names.join(" and ")} ${names.length === 1 ? "is" : "are"} writing…` : "";
}
