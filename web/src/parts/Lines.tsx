// The lines of a room, day by day, with the place from which they are new.

import { type FocusEvent, Fragment, type KeyboardEvent, memo, type RefObject, useMemo, useRef, useState } from "react";
import type { Line, Message } from "../live/fold";
import type { Passed } from "../live/passing";
import type { Pending } from "../live/reduce";
import type { Member, RoomEvent } from "../wire";
import { type Does, Row, Unsent } from "./Row";
import { day } from "./text";

type Props = {
  lines: readonly Line[];
  messages: ReadonlyMap<number, Message>;
  pending: readonly Pending[];
  people: readonly Member[];
  does: Does;
  /** Everything up to here is in the database. */
  persisted: number;
  /** After these positions something is still missing. */
  missing: ReadonlySet<number>;
  cards: Passed["cards"] | undefined;
  /** The first message that is new, and the line before it. */
  firstUnread: number | undefined;
  line: RefObject<HTMLLIElement | null>;
  /** Where somebody just went. */
  flash: number | undefined;
  /** What arrives after this position is fresh. */
  since: number | undefined;
};

export const eventOf = (line: Line): RoomEvent => ("message" in line ? line.message.event : line.event);

export const Lines = memo(function Lines(props: Props) {
  const { lines, messages, pending, people, does, firstUnread, line, flash } = props;
  const newDays = useMemo(() => daysOf(lines), [lines]);
  const list = useRef<HTMLOListElement>(null);
  const [tab, setTab] = useState<number>();
  const last = lines.at(-1);
  const stop = tab ?? (last && eventOf(last).pos);
  const focus = ({ target }: FocusEvent) => {
    const row = target.closest<HTMLElement>("[data-pos]");
    if (row) setTab(Number(row.dataset["pos"]));
  };
  const key = (event: KeyboardEvent) => {
    const row = event.target as HTMLElement;
    if (!row.matches("[data-pos]")) return;
    if (event.key !== "Enter" && event.key !== " ") return step(event, row, list.current!);
    event.preventDefault();
    const message = messages.get(Number(row.dataset["pos"]));
    if (message && !message.removed) does.menu(message, row);
  };
  return (
    <ol ref={list} onKeyDown={key} onFocus={focus}>
      {lines.map((one) => {
        const event = eventOf(one);
        const re = "message" in one ? one.message.event.re : undefined;
        return (
          <Fragment key={event.by + event.cid}>
            {newDays.has(event.pos) && <li className="day" role="separator">{newDays.get(event.pos)}</li>}
            {event.pos === firstUnread && <li className="newline" role="separator" ref={line}>new</li>}
            <Row line={one} does={does} people={people} quoted={re === undefined ? undefined : messages.get(re)} way={props.cards?.[event.pos]?.at} persisted={event.pos <= props.persisted}
              hole={props.missing.has(event.pos)} fresh={event.pos > (props.since ?? Infinity)} tab={event.pos === stop} flash={event.pos === flash} />
          </Fragment>
        );
      })}
      {pending.filter((one) => !one.act || (one.state === "failed" && !messages.has(one.act.tgt))).map((one) => <Unsent key={one.cid} one={one} people={people} />)}
    </ol>
  );
});

/** Before which positions another day begins, and which. */
function daysOf(lines: readonly Line[]): Map<number, string> {
  const days = new Map<number, string>();
  let last = "";
  for (const { pos, ts } of lines.map(eventOf)) {
    const now = new Date(ts).toDateString();
    if (now !== last) days.set(pos, day(ts));
    last = now;
  }
  return days;
}

/** The arrows go from line to line. */
function step(event: KeyboardEvent, row: HTMLElement, list: HTMLElement) {
  const rows = [...list.querySelectorAll<HTMLElement>(":scope > [data-pos]")];
  const at = rows.indexOf(row);
  const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: rows.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  rows[to]?.focus();
}
