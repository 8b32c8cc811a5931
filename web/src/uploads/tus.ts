// Files to convert that come in pieces, by tus 1.0 (https://tus.io/protocols/resumable-upload): they go on after a cut.

/** The world, as arguments: tests hold it still. */
export type Outside = {
  /** One request with the session's token; it rejects when nobody answers. */
  fetch(method: string, path: string, headers: Record<string, string>, body?: Blob): Promise<Response>;
  /** What the hub's refusal means. */
  problem(answer: Response): Promise<Error>;
  /** Whether a failed `fetch` is a refusal, and not a cut: the session is over. */
  refuses(error: unknown): boolean;
  wait(ms: number, stop: AbortSignal): Promise<void>;
  now(): number;
  /** Where files are that were begun, by what they are: a page that is opened again goes on with them. */
  begun: { find(mark: string): string | undefined; keep(mark: string, at: string): void; forget(mark: string): void };
};

export type Wish = {
  /** Says which file this is and what is wanted of it, also after the page was opened again. */
  mark: string;
  /** Begun again with the same key, after an answer was lost, it is one upload. */
  key: string;
  query: Record<string, string>;
  stop: AbortSignal;
  /** Bytes that the hub has; and why it waits, when it does. */
  told(offset: number, waits?: string): void;
};

const PATH = "/api/v1/uploads";
const VERSION = { "tus-resumable": "1.0.0" };
const PIECE = { first: 1 << 20, most: 16 << 20, swift_ms: 1_000, slow_ms: 8_000 };
const BACKOFF_MS = { first: 1_000, most: 15_000 };

type Reached = { at: string; offset: number; job?: string };

/** Brings a file to the hub, however often the connection breaks, and answers with the conversion that it became. */
export async function bring(file: Blob, wish: Wish, outside: Outside): Promise<string> {
  let reached: Reached | undefined;
  let offset = 0;
  let piece = PIECE.first;
  for (let failed = 0; ; ) {
    try {
      reached ??= await begin(file, wish, outside);
      wish.told((offset = reached.offset));
      if (reached.job !== undefined) return (outside.begun.forget(wish.mark), reached.job);
      const since = outside.now();
      reached = await append(file, reached, piece, outside);
      const took = outside.now() - since;
      piece = took < PIECE.swift_ms ? Math.min(piece * 2, PIECE.most) : took > PIECE.slow_ms ? Math.max(piece / 2, PIECE.first / 4) : piece;
      failed = 0;
    } catch (error) {
      wish.stop.throwIfAborted();
      if (error instanceof Refused) {
        outside.begun.forget(wish.mark);
        throw error.why;
      }
      if (outside.refuses(error)) throw error;
      // A cut, or the hub is away: how far it is has to be asked. Smaller pieces get through a bad line.
      reached = undefined;
      piece = PIECE.first;
      wish.told(offset, error instanceof Error ? error.message : String(error));
      await outside.wait(Math.min(BACKOFF_MS.first * 2 ** failed++, BACKOFF_MS.most), wish.stop);
    }
    wish.stop.throwIfAborted();
  }
}

/** Gives up what the hub has of a file. */
export async function giveUp(mark: string, outside: Outside): Promise<void> {
  const at = outside.begun.find(mark);
  outside.begun.forget(mark);
  if (at) await outside.fetch("DELETE", at, VERSION);
}

/** A refusal that trying again does not change. */
class Refused extends Error {
  constructor(readonly why: Error) {
    super(why.message);
  }
}

/** Where it is and how far, if it was begun before; otherwise it begins. */
async function begin(file: Blob, wish: Wish, outside: Outside): Promise<Reached> {
  const known = outside.begun.find(wish.mark);
  if (known) {
    const answer = await outside.fetch("HEAD", known, VERSION);
    if (answer.ok && Number(answer.headers.get("upload-length")) === file.size) return reachedBy(answer, known);
    // It was there too long, or is another file: from the beginning.
    if (answer.ok || answer.status === 404 || answer.status === 410) outside.begun.forget(wish.mark);
    else throw await refusal(answer, outside);
  }
  const answer = await outside.fetch("POST", `${PATH}?${new URLSearchParams(wish.query)}`, { ...VERSION, "upload-length": String(file.size), "idempotency-key": wish.key });
  if (!answer.ok) throw await refusal(answer, outside);
  const at = answer.headers.get("location")!;
  outside.begun.keep(wish.mark, at);
  return reachedBy(answer, at);
}

async function append(file: Blob, { at, offset }: Reached, piece: number, outside: Outside): Promise<Reached> {
  const headers = { ...VERSION, "upload-offset": String(offset), "content-type": "application/offset+octet-stream" };
  const answer = await outside.fetch("PATCH", at, headers, file.slice(offset, offset + piece));
  if (!answer.ok) throw await refusal(answer, outside, [409, 429]);
  return reachedBy(answer, at);
}

const reachedBy = ({ headers }: Response, at: string): Reached => ({ at, offset: Number(headers.get("upload-offset")), job: headers.get("mshub-job") ?? undefined });

/** Trying again helps when the hub is away or busy, and after it was asked how far the upload is (409 to a piece). */
async function refusal(answer: Response, outside: Outside, passes: readonly number[] = [429]): Promise<Error> {
  const why = await outside.problem(answer);
  return answer.status >= 500 || passes.includes(answer.status) ? why : new Refused(why);
}
