// Names in texts: the same examples as the hub's own, in `server/src/rooms/mentions.rs`.

import { expect, test } from "vitest";
import { beginning, candidates, pieces } from "./mentions";

const people = [{ id: "ann", name: "Ann" }, { id: "lee", name: "Ann Lee" }, { id: "bob", name: "Bob" }];
const named = (text: string) => pieces(text, people).flatMap((piece) => piece.who ?? []);

test("names are found however they are written", () => {
  expect(named("hi @ann, hi (@BOB)!")).toEqual(["ann", "bob"]);
  for (const text of ["@Ann Lee look", "@ann-lee", "@annlee?", "@ann.lee."]) expect(named(text), text).toEqual(["lee"]);
  for (const text of ["ann", "@anna", "mail ann@bob.example", "@ ann", "@", ""]) expect(named(text), text).toEqual([]);
});

test("the pieces are the text again", () => {
  const text = "a @Bob and @Ann Lee, mail x@y.z @nobody";

  expect(pieces(text, people).map((piece) => piece.text).join("")).toBe(text);
  expect(pieces(text, people).filter((piece) => piece.who).map((piece) => piece.text)).toEqual(["@Bob", "@Ann Lee"]);
});

test("a name that is begun is completed, and an address is not", () => {
  expect(beginning("hi @an", 6)).toEqual({ at: 3, start: "an" });
  expect(beginning("hi @ann l", 9)).toEqual({ at: 3, start: "ann l" });
  expect(beginning("mail ann@bo", 11)).toBeUndefined();
  expect(beginning("hi @ there", 10)).toBeUndefined();

  expect(candidates("an", people).map(({ id }) => id)).toEqual(["ann", "lee"]);
  expect(candidates("le", people).map(({ id }) => id)).toEqual(["lee"]);
  expect(candidates("", people).length).toBe(3);
  expect(candidates("x", people)).toEqual([]);
});
