// Files on their way to the hub: some at once, the others in line. They go on while another page is shown.

import { useSyncExternalStore } from "react";
import { answered, Problem, readProblem, request } from "../api";
import { newId } from "../ids";
import { live } from "../live/hub";
import { onChange, user } from "../session";
import type { Job } from "../wire";
import { Begun, type Marked, markOf } from "./begun";
import { bring, giveUp, type Outside } from "./tus";

/** A file on its way to the hub. */
export type Upload = {
  key: string; file: File; to: string;
  state: "in line" | "sending" | "failed";
  /** Bytes that the hub has. */
  offset: number;
  /** Why it waits, or has failed. */
  why?: string;
  stop: AbortController;
};

/** Part of a file that the hub has from an earlier page. */
export type Left = { mark: string; file: Marked; offset: number };

const AT_ONCE = 3;
/** How long the hub may take to take one piece. */
const PIECE_MS = 120_000;

const begun = new Begun(() => user()?.id);
const listeners = new Set<() => void>();
let uploads: readonly Upload[] = [];

export function useUploads(): readonly Upload[] {
  return useSyncExternalStore(listen, () => uploads);
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function add(file: File, to: string): void {
  // A file that is on its way for the same purpose is not sent twice.
  if (uploads.some((one) => one.state !== "failed" && markOf(one.file, one.to) === markOf(file, to))) return;
  set([...uploads, { key: newId(), file, to, state: "in line", offset: 0, stop: new AbortController() }]);
  next();
}

/** Stops it; what the hub has of it is given up. */
export function drop(key: string): void {
  const one = uploads.find((upload) => upload.key === key);
  if (!one) return;
  one.stop.abort();
  set(uploads.filter((upload) => upload !== one));
  forget(markOf(one.file, one.to));
  next();
}

export function again(key: string): void {
  change(key, { state: "in line", why: undefined });
  next();
}

/** Gives up what an earlier page left. */
export function forget(mark: string): void {
  // Nobody waits for it: what is not given up is removed by the hub in a day.
  giveUp(mark, outside(AbortSignal.timeout(PIECE_MS))).catch(() => undefined);
}

/** What earlier pages left on the hub. */
export async function left(): Promise<Left[]> {
  const mine = uploads.map((one) => markOf(one.file, one.to));
  const asked = begun.all().filter(({ mark }) => !mine.includes(mark)).map(async ({ mark, at, file }): Promise<Left[]> => {
    const answer = await answered("HEAD", at, { headers: { "tus-resumable": "1.0.0" } }).catch(() => undefined);
    if (answer?.ok && !answer.headers.has("mshub-job")) return [{ mark, file, offset: Number(answer.headers.get("upload-offset")) }];
    if (answer) begun.forget(mark);
    return [];
  });
  return (await Promise.all(asked)).flat();
}

/** Begins what is in line, as far as it may. */
function next(): void {
  const free = AT_ONCE - uploads.filter((one) => one.state === "sending").length;
  for (const one of uploads.filter((upload) => upload.state === "in line").slice(0, Math.max(free, 0))) void send(one);
}

async function send({ key, file, to, stop }: Upload): Promise<void> {
  change(key, { state: "sending" });
  const told = (offset: number, why?: string) => change(key, { offset, why });
  try {
    const query = { to, name: file.name };
    const job = await bring(file, { mark: markOf(file, to), key: newId(), query, stop: stop.signal, told }, outside(stop.signal));
    // The socket tells of it as well.
    await request<Job>("GET", `/api/v1/conversions/${job}`).then((made) => live.addJobs([made]), () => undefined);
    set(uploads.filter((one) => one.key !== key));
  } catch (error) {
    if (!stop.signal.aborted) change(key, { state: "failed", why: error instanceof Error ? error.message : String(error) });
  }
  next();
}

const outside = (stop: AbortSignal): Outside => ({
  fetch: (method, path, headers, raw) => answered(method, path, { headers, raw, stop, silence: PIECE_MS }),
  problem: readProblem,
  refuses: (error) => error instanceof Problem && error.status === 401,
  wait: (ms, signal) => new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    // The network came back: do not wait for the timer.
    window.addEventListener("online", () => (clearTimeout(timer), resolve()), { once: true, signal });
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason as Error)), { once: true });
  }),
  now: () => performance.now(),
  begun,
});

function change(key: string, how: Partial<Upload>): void {
  set(uploads.map((one) => (one.key === key ? { ...one, ...how } : one)));
}

function set(all: readonly Upload[]): void {
  uploads = all;
  for (const listener of listeners) listener();
}

// Signed out: nothing of this person goes on.
onChange(() => {
  if (user() || !uploads.length) return;
  for (const one of uploads) one.stop.abort();
  set([]);
});

window.addEventListener("beforeunload", (event) => {
  if (uploads.some((one) => one.state !== "failed")) event.preventDefault();
});
