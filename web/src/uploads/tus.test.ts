// Uploads in pieces: what the hub has is not sent again, whatever breaks, and what it refuses is not tried again.

import { expect, test } from "vitest";
import { bring, giveUp, type Outside } from "./tus";

const MIB = 1 << 20;
const QUERY = { to: "pdf", name: "a.docx" };

/** A hub that keeps one upload; `cuts` breaks requests by their number, after the hub took what came. */
class Hub {
  length = -1;
  offset = 0;
  asked: string[] = [];
  kept = new Map<string, string>();
  told: [number, string | undefined][] = [];
  waited: number[] = [];
  refusals = new Map<number, number>();
  cuts = new Set<number>();
  private clock = 0;

  readonly outside: Outside = {
    fetch: async (method, _, headers, body) => {
      const number = this.asked.push(`${method} ${headers["upload-offset"] ?? ""}`.trim());
      const status = this.refusals.get(number) ?? this.take(method, headers, body);
      if (this.cuts.has(number)) throw new Error("cut");
      const told: Record<string, string> = { "upload-offset": String(this.offset), "upload-length": String(this.length), location: "/api/v1/uploads/u1" };
      if (this.offset === this.length) told["mshub-job"] = "job-1";
      return new Response(null, { status, headers: told });
    },
    problem: async (answer) => new Error(`status ${answer.status}`),
    refuses: (error) => error instanceof RangeError,
    wait: async (ms) => void this.waited.push(ms),
    now: () => (this.clock += 2_000),
    begun: { find: (mark) => this.kept.get(mark), keep: (mark, at) => void this.kept.set(mark, at), forget: (mark) => void this.kept.delete(mark) },
  };

  private take(method: string, headers: Record<string, string>, body?: Blob): number {
    if (method === "POST") this.length = Number(headers["upload-length"]);
    if (method === "DELETE") this.length = -1;
    if (method !== "PATCH") return this.length < 0 && method === "HEAD" ? 404 : method === "POST" ? 201 : 200;
    if (Number(headers["upload-offset"]) !== this.offset) return 409;
    this.offset += body!.size;
    return 204;
  }

  bring(bytes: number, stop = new AbortController().signal): Promise<string> {
    const wish = { mark: "m", key: "k", query: QUERY, stop, told: (offset: number, waits?: string) => void this.told.push([offset, waits]) };
    return bring(new Blob([new Uint8Array(bytes)]), wish, this.outside);
  }
}

test("a file goes in pieces, and becomes a conversion with the last one", async () => {
  const hub = new Hub();

  expect(await hub.bring(2.5 * MIB)).toBe("job-1");

  expect(hub.asked).toEqual(["POST", "PATCH 0", `PATCH ${MIB}`, `PATCH ${2 * MIB}`]);
  expect(hub.told.map(([offset]) => offset)).toEqual([0, MIB, 2 * MIB, 2.5 * MIB]);
  expect(hub.kept.size).toBe(0);
});

test("after a cut it asks how far it is, waits longer each time, and goes on there", async () => {
  const hub = new Hub();
  hub.cuts = new Set([3, 4]);

  expect(await hub.bring(3 * MIB)).toBe("job-1");

  // The piece had arrived although its answer did not.
  expect(hub.asked).toEqual(["POST", "PATCH 0", `PATCH ${MIB}`, "HEAD", "HEAD", `PATCH ${2 * MIB}`]);
  expect(hub.waited).toEqual([1_000, 2_000]);
  expect(hub.told.filter(([, waits]) => waits)).toEqual([[MIB, "cut"], [MIB, "cut"]]);
});

test("the same file goes on where an earlier page left it, and another one from the beginning", async () => {
  const hub = new Hub();
  const stop = new AbortController();
  hub.outside.wait = async (_, signal) => (stop.abort(), signal.throwIfAborted());
  hub.cuts = new Set([3]);
  await expect(hub.bring(2 * MIB, stop.signal)).rejects.toThrow();
  expect(hub.kept.get("m")).toBe("/api/v1/uploads/u1");

  expect(await hub.bring(2 * MIB)).toBe("job-1");
  expect(hub.asked.slice(3)).toEqual(["HEAD"]);

  hub.kept.set("m", "/api/v1/uploads/u1");
  hub.offset = 0;
  expect(await hub.bring(1)).toBe("job-1");
  expect(hub.asked.slice(4)).toEqual(["HEAD", "POST", "PATCH 0"]);
});

test("what the hub has lost sight of begins anew, what it refuses ends, and a busy hub is waited for", async () => {
  const gone = new Hub();
  gone.kept.set("m", "/api/v1/uploads/old");
  gone.refusals.set(1, 410);
  expect(await gone.bring(1)).toBe("job-1");
  expect(gone.asked).toEqual(["HEAD", "POST", "PATCH 0"]);

  const refused = new Hub();
  refused.refusals.set(2, 413);
  await expect(refused.bring(1)).rejects.toThrow("status 413");
  expect([refused.waited, refused.kept.size]).toEqual([[], 0]);

  const busy = new Hub();
  busy.refusals = new Map([[1, 503], [3, 409]]);
  expect(await busy.bring(1)).toBe("job-1");
  expect(busy.asked).toEqual(["POST", "POST", "PATCH 0", "HEAD", "PATCH 0"]);
});

test("what was begun is kept when the session is over", async () => {
  const hub = new Hub();
  const { fetch } = hub.outside;
  hub.outside.fetch = (method, ...more) => (method === "PATCH" ? Promise.reject(new RangeError("signed out")) : fetch(method, ...more));

  await expect(hub.bring(1)).rejects.toThrow("signed out");

  expect([hub.waited, hub.kept.size]).toEqual([[], 1]);
});

test("what was given up is gone on both sides", async () => {
  const hub = new Hub();
  hub.kept.set("m", "/api/v1/uploads/u1");

  await giveUp("m", hub.outside);
  await giveUp("m", hub.outside);

  expect([hub.asked, hub.kept.size]).toEqual([["DELETE"], 0]);
});
