// What people see of a room: messages as they are now, and facts in words.

import { expect, test } from "vitest";
import type { RoomEvent } from "../wire";
import { fold, type Message } from "./fold";
import type { Pending } from "./reduce";

const event = (pos: number, more: Partial<RoomEvent> = {}): RoomEvent => ({
  id: `m${pos}`, room: "r", pos, ts: "2026-01-01T00:00:00.000000Z", by: "ann", name: "Ann", cid: `c${pos}`, kind: "said", body: `say ${pos}`, ...more,
});
const file = (name: string) => ({ id: name, name, bytes: 7, sha256: "", media_type: "text/plain" });
const messages = (...events: RoomEvent[]): Message[] => fold(events).flatMap((line) => ("message" in line ? [line.message] : []));

test("an edited message shows its new text, in its old place", () => {
  const [first, second, ...more] = messages(event(1), event(2), event(3, { kind: "edited", tgt: 1, body: "better" }));

  expect([first!.body, first!.edited, second!.body, more]).toEqual(["better", true, "say 2", []]);
});

test("nothing of a removed message is shown, whatever came before or comes after", () => {
  const edits = [event(2, { kind: "edited", tgt: 1, body: "worse" }), event(3, { kind: "redacted", tgt: 1 }), event(4, { kind: "edited", tgt: 1, body: "back" })];
  const [message] = messages(event(1, { att: [file("a.txt")] }), ...edits);

  expect([message!.body, message!.files, message!.removed]).toEqual(["", [], true]);
  expect(messages(event(1, { body: "", removed: "00" }))[0]!.removed).toBe(true);
});

test("signs are counted by who put them", () => {
  const sign = (pos: number, by: string, kind = "reacted") => event(pos, { kind, tgt: 1, body: "👍", by });
  const [message] = messages(event(1), sign(2, "bob"), sign(3, "ann"), sign(4, "bob"), sign(5, "ann", "unreacted"));

  expect([...message!.signs].map(([of, who]) => [of, [...who]])).toEqual([["👍", ["bob"]]]);
});

test("a conversion is one message from the wish to the result", () => {
  const asked = event(1, { kind: "convert_requested", body: "a.docx", to: "pdf", file: file("a.docx") });

  expect(messages(asked)[0]!.card).toMatchObject({ to: "pdf", source: { name: "a.docx" } });
  expect(messages(asked, event(2, { kind: "convert_completed", tgt: 1, file: file("a.pdf"), lost: ["a chart"] }))[0]!.card).toMatchObject({ result: { name: "a.pdf" }, lost: ["a chart"] });
  expect(messages(asked, event(2, { kind: "convert_failed", tgt: 1, body: "it is encrypted" }))[0]!.card!.why).toBe("it is encrypted");
});

test("what is done to a message that is not loaded is not shown, and no name of the protocol is", () => {
  const facts = fold([event(5, { kind: "reacted", tgt: 2, body: "👍" }), event(6, { kind: "kicked", body: "Bob" }), event(7, { kind: "sung" })]);

  expect(facts.map((line) => ("fact" in line ? line.fact : ""))).toEqual(["removed Bob", "did something that this page does not know yet"]);
});

test("only its author edits a message, and a removed one stays without signs", () => {
  const [message] = messages(event(1), event(2, { kind: "edited", tgt: 1, body: "not mine", by: "bob" }));
  expect(message!.body).toBe("say 1");

  const sign = (pos: number) => event(pos, { kind: "reacted", tgt: 1, body: "👍" });
  expect(messages(event(1), sign(2), event(3, { kind: "redacted", tgt: 1 }), sign(4))[0]!.signs.size).toBe(0);
});

test("what one does to a message shows at once, and not any more when it is refused", () => {
  const act = (cid: string, op: Pending["act"], state: Pending["state"] = "sending"): Pending => ({ cid, room: "r", body: "", act: op, state });
  const edit = { tgt: 1, op: "edit", body: "better" } as const;
  const now = (...acts: Pending[]) => fold([event(1), event(2)], acts, "ann").flatMap((line) => ("message" in line ? [line.message] : []));

  const [first, second] = now(act("a", edit), act("b", { tgt: 1, op: "react", body: "👍" }), act("c", { tgt: 2, op: "redact" }));
  expect([first!.body, [...first!.signs.get("👍")!], second!.removed, first!.acts.length]).toEqual(["better", ["ann"], true, 2]);

  const [refused] = now(act("a", edit, "failed"));
  expect([refused!.body, refused!.edited, refused!.acts[0]!.cid]).toEqual(["say 1", false, "a"]);
});
