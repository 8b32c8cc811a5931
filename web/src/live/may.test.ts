// What is offered: the same table as the hub's.

import { expect, test } from "vitest";
import type { RoomEvent } from "../wire";
import { fold, type Message } from "./fold";
import { deeds } from "./may";

const message = (by: string, ...more: Partial<RoomEvent>[]): Message => {
  const events = [{ kind: "said", body: "hi" }, ...more].map((one, at) => ({ id: "", room: "r", pos: at + 1, ts: "", by, name: by, cid: `${at}`, ...one }) as RoomEvent);
  const [line] = fold(events);
  return (line as { message: Message }).message;
};
const offered = (role: "member" | "moderator" | "owner", one: Message, direct = false) => [...deeds({ role, direct }, "me", one)].filter((deed) => !["reply", "react", "unreact"].includes(deed));

test("everybody changes what is theirs, and only those who keep order what is not", () => {
  expect(offered("member", message("me"))).toEqual(["edit", "redact"]);
  expect(offered("member", message("bob"))).toEqual([]);
  expect(offered("moderator", message("bob"))).toEqual(["pin", "redact"]);
  expect(offered("owner", message("me"))).toEqual(["edit", "pin", "redact"]);
});

test("both people of a conversation pin, and neither removes what the other said", () => {
  expect(offered("member", message("bob"), true)).toEqual(["pin"]);
  expect(offered("member", message("bob", { kind: "pinned", tgt: 1 }), true)).toEqual(["unpin"]);
});

test("nothing is done to what was removed, and a conversion has no text to edit", () => {
  expect(deeds({ role: "owner" }, "me", message("me", { kind: "redacted", tgt: 1 })).size).toBe(0);
  const [line] = fold([{ ...message("me").event, kind: "convert_requested", to: "pdf" }]);
  expect(offered("member", (line as { message: Message }).message)).toEqual(["redact"]);
});
