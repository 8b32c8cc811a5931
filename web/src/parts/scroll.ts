// Where the reader is in a room: stays at the end while they are there, and keeps their place while older messages arrive.

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { RoomEvent } from "../wire";

const NEAR_END = 40;
const NEAR_TOP = 400;

type Props = {
  events: readonly RoomEvent[] | undefined;
  /** How many things of one's own are on their way: saying something leads to the end. */
  unsent: number;
  /** The past up to now is complete: the first look can be chosen. */
  live: boolean;
  /** Older messages are wanted. */
  onTop: () => void;
  me: string | undefined;
};

export function useScroll({ events, unsent, live, onTop, me }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const line = useRef<HTMLLIElement>(null);
  const was = useRef({ first: undefined as number | undefined, last: undefined as number | undefined, height: 0, top: 0, unsent: 0, atEnd: true, placed: false });
  const [below, setBelow] = useState(0);
  const [atEnd, setAtEnd] = useState(false);
  const [lineAbove, setLineAbove] = useState(false);
  const top = useRef(onTop);
  top.current = onTop;
  const first = events?.[0]?.pos;
  const last = events?.at(-1)?.pos;
  const toEnd = useCallback(() => box.current?.scrollTo({ top: box.current.scrollHeight }), []);
  /** Goes to a line, away from the end: what is drawn before the browser tells of it must not lead back. */
  const toRow = useCallback((row: Element | null | undefined, block: ScrollLogicalPosition) => {
    if (!row) return;
    was.current.atEnd = false;
    row.scrollIntoView({ block });
  }, []);
  const toLine = useCallback(() => toRow(line.current, "start"), [toRow]);
  const look = useCallback(() => {
    const element = box.current;
    if (!element || !was.current.placed) return;
    const isNear = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END;
    // What grows below, such as a picture that arrives, takes nobody away from the end: only who goes up leaves it.
    const isAtEnd = isNear || (was.current.atEnd && element.scrollTop >= was.current.top);
    if (isAtEnd && !isNear) toEnd();
    was.current.atEnd = isAtEnd;
    was.current.top = element.scrollTop;
    setAtEnd(isAtEnd);
    if (isAtEnd) setBelow(0);
    setLineAbove(!!line.current && line.current.getBoundingClientRect().bottom < element.getBoundingClientRect().top);
    if (element.scrollTop < NEAR_TOP) top.current();
  }, [toEnd]);
  useLayoutEffect(() => {
    const element = box.current!;
    const before = was.current;
    const isOlder = before.first !== undefined && first !== undefined && first < before.first;
    if (isOlder && before.placed) element.scrollTop += element.scrollHeight - before.height;
    else if (!before.placed || before.atEnd || unsent > before.unsent) toEnd();
    else if (last !== before.last) setBelow((count) => count + (events ?? []).filter((event) => event.pos > (before.last ?? 0) && event.by !== me && event.tgt === undefined).length);
    was.current = { ...before, first, last, height: element.scrollHeight, unsent };
    if (live && !before.placed) {
      was.current.placed = true;
      if (line.current) toLine();
      look();
    }
    // Every time it is drawn: an error under a message changes the height, too.
  });
  useEffect(() => {
    const element = box.current!;
    element.addEventListener("scroll", look, { passive: true });
    // A picture that arrives, or a window that shrinks, must not take the end out of sight.
    const sizes = new ResizeObserver(() => (was.current.atEnd ? toEnd() : undefined, (was.current.height = element.scrollHeight), look()));
    sizes.observe(element);
    if (element.firstElementChild) sizes.observe(element.firstElementChild);
    return () => (element.removeEventListener("scroll", look), sizes.disconnect());
  }, [look, toEnd]);
  return { box, line, below, atEnd, lineAbove, toEnd, toLine, toRow };
}
