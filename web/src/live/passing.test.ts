// Who is here and who writes: told now and then, and over by itself.

import { expect, test } from "vitest";
import { NOTHING, pass, type Passed, stopped, whoWrites, worn } from "./passing";

const writes = (was: Passed, user: string, now: number, on = true) => pass(was, { k: "typing", user, name: user.toUpperCase(), on }, now);

test("somebody writes until they say it no more, stop, or have said it", () => {
  const both = writes(writes(NOTHING, "ann", 0), "bob", 3_000);
  expect(whoWrites(both, "me")).toBe("ANN and BOB are writing…");
  expect(whoWrites(both, "bob")).toBe("ANN is writing…");

  expect(worn(both, 5_999)).toBe(both);
  expect(whoWrites(worn(both, 6_000), "me")).toBe("BOB is writing…");
  expect(whoWrites(writes(both, "bob", 0, false), "me")).toBe("ANN is writing…");
  expect(whoWrites(stopped(stopped(both, "ann"), "bob"), "me")).toBe("");
  expect(whoWrites(writes(both, "cy", 0), "me")).toBe("Several people are writing…");
});

test("who is here is told whole once, and then as it changes", () => {
  const all = pass(NOTHING, { k: "presence", all: true, who: [{ user: "ann", is: "online" }, { user: "bob", is: "away" }] }, 0);
  const later = pass(all, { k: "presence", who: [{ user: "bob", is: "offline" }] }, 0);

  expect(later.here).toEqual({ ann: "online", bob: "offline" });
  expect(pass(later, { k: "presence", all: true, who: [] }, 0).here).toEqual({});
});

test("how far a card is wears off, and what a newer hub lets pass changes nothing", () => {
  const card = pass(NOTHING, { k: "card", pos: 7, at: { state: "queued", position: 2 } }, 0);

  expect(card.cards[7]!.at.position).toBe(2);
  expect(worn(card, 6_000).cards).toEqual({});
  expect(pass(card, { k: "sneeze" } as never, 0)).toBe(card);
});
