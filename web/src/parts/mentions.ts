// Names with `@` in a text: the same reading as the hub's, so that what is highlighted here is who is told there.

import type { Member } from "../wire";

type Named = Pick<Member, "id" | "name">;

/** A piece of a text, and whom it names. */
export type Piece = { text: string; who?: string[] };

/** After a word `@` begins no name: that is an address. */
const endsInWord = (text: string): boolean => /[\p{L}\p{N}]$/u.test(text);
const beginsInWord = (text: string): boolean => /^[\p{L}\p{N}]/u.test(text);

/** A name with spaces may also be written without them, or with `-`, `_` or `.` in their place. */
function spellings(name: string): string[] {
  const plain = name.trim().toLowerCase();
  return [...new Set([plain, ...["", "-", "_", "."].map((glue) => plain.replaceAll(" ", glue))])].filter((one) => one !== "");
}

/** Cuts a text where it names somebody. The longest name wins: `@Ann Lee` is not `@Ann`. */
export function pieces(text: string, people: readonly Named[]): Piece[] {
  if (!text.includes("@")) return [{ text }];
  const names = people.flatMap(({ id, name }) => spellings(name).map((spelling) => ({ id, spelling })));
  const found: Piece[] = [];
  let from = 0;
  for (const { index: at } of text.matchAll(/@/g)) {
    if (at < from || endsInWord(text.slice(Math.max(0, at - 2), at))) continue;
    const rest = text.slice(at + 1).toLowerCase();
    const fits = names.filter(({ spelling }) => rest.startsWith(spelling) && !beginsInWord(rest.slice(spelling.length, spelling.length + 2)));
    const longest = Math.max(0, ...fits.map(({ spelling }) => spelling.length));
    if (!longest) continue;
    const end = at + 1 + longest;
    if (at > from) found.push({ text: text.slice(from, at) });
    found.push({ text: text.slice(at, end), who: [...new Set(fits.filter(({ spelling }) => spelling.length === longest).map(({ id }) => id))] });
    from = end;
  }
  if (from < text.length) found.push({ text: text.slice(from) });
  return found;
}

/** What is being written after the last `@` before the caret: where it begins, and the beginning of a name. */
export function beginning(text: string, caret: number): { at: number; start: string } | undefined {
  const at = text.lastIndexOf("@", caret - 1);
  if (at < 0 || endsInWord(text.slice(Math.max(0, at - 2), at))) return undefined;
  const start = text.slice(at + 1, caret);
  return start.length > 40 || /\n|^\s|\s\s/.test(start) ? undefined : { at, start };
}

/** Who could be meant by it, best first: the name begins so, then one of its words does. */
export function candidates(start: string, people: readonly Named[], most = 6): Named[] {
  const wanted = start.toLowerCase();
  const rank = ({ name }: Named): number => {
    const written = spellings(name);
    if (written.some((one) => one.startsWith(wanted))) return 0;
    return name.toLowerCase().split(/\s+/).some((word) => word.startsWith(wanted)) ? 1 : 2;
  };
  return people
    .map((one) => ({ one, rank: rank(one) }))
    .filter(({ rank }) => rank < 2)
    .sort((a, b) => a.rank - b.rank || a.one.name.localeCompare(b.one.name))
    .slice(0, most)
    .map(({ one }) => one);
}
