// Uploads that were begun, kept by the browser: a page that is opened again goes on with them.

/** Which file it is, and what is wanted of it. */
export type Marked = { name: string; size: number; changed: number; to: string };

const start = (who: string | undefined): string => `mshub.upload.${who}.`;

export const markOf = ({ name, size, lastModified }: File, to: string): string =>
  JSON.stringify({ name, size, changed: lastModified, to } satisfies Marked);

export class Begun {
  constructor(private readonly who: () => string | undefined) {}

  find(mark: string): string | undefined {
    return localStorage.getItem(start(this.who()) + mark) ?? undefined;
  }

  keep(mark: string, at: string): void {
    try {
      localStorage.setItem(start(this.who()) + mark, at);
    } catch {
      // The browser's store is full: it goes on after a cut all the same, as long as the page is open.
    }
  }

  forget(mark: string): void {
    localStorage.removeItem(start(this.who()) + mark);
  }

  all(): { mark: string; at: string; file: Marked }[] {
    return names(this.who()).map((name) => {
      const mark = name.slice(start(this.who()).length);
      return { mark, at: localStorage.getItem(name)!, file: JSON.parse(mark) as Marked };
    });
  }
}

/** Somebody signs out: nothing of theirs stays. */
export function clearBegun(who: string | undefined): void {
  for (const name of names(who)) localStorage.removeItem(name);
}

const names = (who: string | undefined): string[] => Object.keys(localStorage).filter((name) => name.startsWith(start(who)));
