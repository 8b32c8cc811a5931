// Where a person is in a room: what they have seen, what is new to them, and a way to any message.

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useRevalidator } from "react-router";
import type { Line } from "../live/fold";
import { live } from "../live/hub";
import { eventOf } from "./Lines";
import type { useScroll } from "./scroll";
import { useTask } from "./task";

/** Tells the hub what the person has seen: the end of the room, while they look at it. */
export function useReadMark(room: string, pos: number | undefined, atEnd: boolean) {
  useEffect(() => {
    const look = () => {
      if (pos !== undefined && atEnd && document.visibilityState === "visible") live.read(room, pos);
    };
    look();
    if (atEnd) live.trim(room);
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [room, pos, atEnd]);
}

/** What is said while the person looks at the end is not new to them; what is said after they looked away is. */
export function useUnreadLine(newest: number | undefined, atEnd: boolean, hasLine: boolean, setMark: (mark: number) => void) {
  const had = useRef(hasLine);
  useLayoutEffect(() => {
    const isSeen = newest !== undefined && atEnd && document.visibilityState === "visible";
    if (isSeen && !had.current) setMark(newest);
    else had.current = hasLine;
  }, [newest, atEnd, hasLine, setMark]);
  useEffect(() => {
    const look = () => {
      if (document.visibilityState === "visible" || newest === undefined || !atEnd) return;
      had.current = false;
      setMark(newest);
    };
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [newest, atEnd, setMark]);
}

/** Who came or went, which is the newest line that is no message, changes the list of members. */
export function useNewMembers(line: Line | undefined) {
  const { revalidate } = useRevalidator();
  const pos = line && eventOf(line).pos;
  const first = useRef(pos);
  useEffect(() => {
    if (first.current !== undefined && pos !== first.current) void revalidate();
    first.current = pos;
  }, [pos, revalidate]);
}

const FLASH_MS = 2_500;

/** Goes to a message, however long ago it was said. */
export function useJump(room: string, { box, toRow }: Pick<ReturnType<typeof useScroll>, "box" | "toRow">, wanted: { pos: number } | undefined) {
  const { busy: looking, run } = useTask();
  const [flash, setFlash] = useState<number>();
  const stop = useRef<AbortController>(undefined);
  const jump = useCallback(async (pos: number, quietly = false) => {
    stop.current?.abort();
    const mine = (stop.current = new AbortController());
    await run(() => live.reach(room, pos, mine.signal));
    if (mine.signal.aborted || quietly) return;
    setFlash(pos);
    requestAnimationFrame(() => {
      const row = box.current?.querySelector<HTMLElement>(`[data-pos="${pos}"]`);
      toRow(row, "center");
      row?.focus({ preventScroll: true });
    });
    setTimeout(() => setFlash((now) => (now === pos ? undefined : now)), FLASH_MS);
  }, [room, box, toRow, run]);
  useEffect(() => {
    if (wanted) void jump(wanted.pos);
  }, [wanted, jump]);
  useEffect(() => () => stop.current?.abort(), []);
  return { jump, flash, looking };
}
