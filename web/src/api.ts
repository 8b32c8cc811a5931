// One request to the hub: JSON in, JSON out, every failure a `Problem` that a person can read.

import { accessToken } from "./session";
import type { ProblemBody } from "./wire";

const SILENCE_MS = 30_000;

/** The hub said no, or did not answer (`status` 0). */
export class Problem extends Error {
  readonly status: number;
  constructor(readonly body: ProblemBody) {
    super(body.detail || body.title);
    this.status = body.status;
  }

  /** What is wrong with a field, by its JSON pointer without the slash. */
  field(name: string): string | undefined {
    return this.body.errors?.find((error) => error.pointer === `/${name}`)?.detail;
  }
}

type Options = {
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is. */
  raw?: Blob;
  /** Needs no session. */
  open?: boolean;
  headers?: Record<string, string>;
  /** How long the answer may take, and what ends the wait earlier. */
  silence?: number;
  stop?: AbortSignal;
};

export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const answer = await send(method, path, options);
  const text = await answer.text();
  // Where there is nothing to say the body is empty, whatever the status.
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

/** A file that only signed-in people may have. */
export async function content(path: string): Promise<Blob> {
  return (await send("GET", path, {})).blob();
}

async function send(method: string, path: string, options: Options): Promise<Response> {
  const answer = await answered(method, path, options);
  if (!answer.ok) throw await readProblem(answer);
  return answer;
}

/** The hub's answer, whatever it is. */
export async function answered(method: string, path: string, options: Options): Promise<Response> {
  const answer = await attempt(method, path, options, false);
  // The token may have been revoked or the clock may be off: one more try with a fresh one.
  return answer.status === 401 && !options.open ? attempt(method, path, options, true) : answer;
}

async function attempt(method: string, path: string, { body, raw, open, stop, silence = SILENCE_MS, ...more }: Options, renew: boolean): Promise<Response> {
  const headers = new Headers(more.headers);
  if (!open) headers.set("authorization", `Bearer ${await accessToken(renew)}`);
  if (body !== undefined) headers.set("content-type", "application/json");
  if (raw && !headers.has("content-type")) headers.set("content-type", raw.type || "application/octet-stream");
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body));
  try {
    const silent = AbortSignal.timeout(silence);
    return await fetch(path, { method, headers, body: payload, signal: stop ? AbortSignal.any([stop, silent]) : silent });
  } catch {
    stop?.throwIfAborted();
    throw unreachable();
  }
}

export async function readProblem(answer: Response): Promise<Problem> {
  return parseProblem(answer.status, await answer.text().catch(() => ""));
}

export function parseProblem(status: number, text: string): Problem {
  try {
    const body = JSON.parse(text) as ProblemBody;
    if (body.code) return new Problem(body);
  } catch {
    // Not ours: a proxy answered.
  }
  return new Problem({ title: "Unexpected answer", status, detail: `The hub answered with status ${status}.`, code: "" });
}

const unreachable = () =>
  new Problem({ title: "Unreachable", status: 0, detail: "The hub does not answer. Is it running, and are you online?", code: "", retryable: true });

/**
 * Uploads a file to a path and reports how much of it has left this machine: only XMLHttpRequest can tell.
 * Sent again with the same `key`, after an answer was lost, it is kept once.
 */
export async function upload<T>(path: string, key: string, file: File, progress: (share: number) => void): Promise<T> {
  const token = await accessToken();
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    call.open("POST", path);
    call.setRequestHeader("authorization", `Bearer ${token}`);
    call.setRequestHeader("idempotency-key", key);
    call.setRequestHeader("content-type", file.type || "application/octet-stream");
    call.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    call.onload = () =>
      call.status < 300 ? resolve(JSON.parse(call.responseText) as T) : reject(parseProblem(call.status, call.responseText));
    call.onerror = () => reject(unreachable());
    call.send(file);
  });
}
