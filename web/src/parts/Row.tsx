// One line of a room: a message with all that became of it, or something else that happened.

import { memo } from "react";
import type { Card, Line, Message } from "../live/fold";
import { live } from "../live/hub";
import type { Pending } from "../live/reduce";
import { user } from "../session";
import type { Member, RoomFile, UnderWay } from "../wire";
import { Files } from "./Files";
import { moment, time } from "./text";
import { Words } from "./Words";

export type Does = {
  menu(message: Message, beside: Element): void;
  reply(message: Message): void;
  sign(message: Message, sign: string): void;
  jump(pos: number): void;
};

type Props = {
  line: Line; does: Does; people: readonly Member[];
  /** What it answers, if that is here. */
  quoted?: Message;
  /** How far its conversion is. */
  way?: UnderWay;
  persisted: boolean; hole: boolean; fresh: boolean;
  /** Whether somebody just went to it. */
  flash: boolean;
  /** Whether the Tab key comes to this line. */
  tab: boolean;
};

const sameMessage = (a: Message | undefined, b: Message | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && (Object.keys(a) as (keyof Message)[]).every((key) => a[key] === b[key]));

const messageOf = (line: Line): Message | undefined => ("message" in line ? line.message : undefined);
const eventOf = (line: Line) => ("message" in line ? line.message.event : line.event);

/** A new event changes one line: the others are not drawn again. */
export const Row = memo(
  function Row({ line, does, people, quoted, way, persisted, hole, fresh, flash, tab }: Props) {
    const event = eventOf(line);
    const message = messageOf(line);
    const me = user()?.id;
    const isMine = event.by === me;
    const kind = [message ? "said" : "fact", me && message?.mentions.includes(me) && "forme", fresh && !isMine && "fresh", flash && "flash"].filter(Boolean).join(" ");
    return (
      <li className={kind} data-pos={event.pos} tabIndex={tab ? 0 : -1}>
        <time dateTime={event.ts} title={moment(event.ts)}>{time(event.ts)}</time>
        <b dir="auto">{event.name}</b>
        <div className="body" dir="auto">{message ? <Said message={message} quoted={quoted} way={way} does={does} people={people} tab={tab} /> : "fact" in line && line.fact}</div>
        {isMine && message && <Mark sign={persisted ? "✓✓" : "✓"} meaning={persisted ? "in the database" : "in the log"} />}
        {message && !message.removed && <Tools message={message} does={does} tab={tab} />}
        {hole && <em className="hint">messages are being fetched…</em>}
      </li>
    );
  },
  (a, b) => {
    const now = messageOf(a.line);
    const isSame = now ? sameMessage(now, messageOf(b.line)) : eventOf(a.line) === eventOf(b.line);
    return isSame && sameMessage(a.quoted, b.quoted) && (["does", "people", "way", "persisted", "hole", "fresh", "flash", "tab"] as const).every((key) => a[key] === b[key]);
  },
);

function Tools({ message, does, tab }: { message: Message; does: Does; tab: boolean }) {
  const order = tab ? 0 : -1;
  return (
    <span className="tools">
      <button className="plain" tabIndex={order} aria-label="React with 👍" title="React with 👍" onClick={() => does.sign(message, "👍")}>👍</button>
      <button className="plain" tabIndex={order} aria-label="Reply" title="Reply" onClick={() => does.reply(message)}>↩</button>
      <button className="plain" tabIndex={order} aria-label="More" title="More" aria-haspopup="menu" onClick={(event) => does.menu(message, event.currentTarget)}>⋯</button>
    </span>
  );
}

type SaidProps = { message: Message; quoted?: Message; way?: UnderWay; does: Does; people: readonly Member[]; tab: boolean };

function Said({ message, quoted, way, does, people, tab }: SaidProps) {
  const { event, body, files, card, acts } = message;
  if (message.removed) return <><em className="hint">This message was removed.</em><Acts acts={acts} /></>;
  const isChanged = acts.some((one) => one.act?.op === "edit");
  return (
    <>
      {event.re !== undefined && <Quote of={event.re} message={quoted} jump={does.jump} tab={tab} />}
      {card ? <Conversion card={card} name={body} way={way} /> : <Words text={body} people={people} named={isChanged ? undefined : message.mentions} me={user()?.id} />}
      {message.edited && <small className="hint"> (edited)</small>}
      {message.pinned && <small className="hint"> 📌 pinned</small>}
      <Files files={files} />
      <Signs message={message} people={people} sign={does.sign} tab={tab} />
      <Acts acts={acts} />
    </>
  );
}

function Signs({ message, people, sign, tab }: { message: Message; people: readonly Member[]; sign: Does["sign"]; tab: boolean }) {
  if (!message.signs.size) return null;
  const me = user()?.id ?? "";
  const called = (id: string) => (id === me ? "you" : (people.find((one) => one.id === id)?.name ?? "somebody who left"));
  return (
    <span className="signs">
      {[...message.signs].map(([of, who]) => {
        const names = [...who].map(called).join(", ");
        return <button key={of} className="plain" tabIndex={tab ? 0 : -1} aria-pressed={who.has(me)} aria-label={`${of}, ${names}`} title={names} onClick={() => sign(message, of)}>{of} {who.size}</button>;
      })}
    </span>
  );
}

const DOING = { edit: "being changed", redact: "being removed", react: "", unreact: "", pin: "being pinned", unpin: "being unpinned" };
const REFUSED = { edit: "It was not changed", redact: "It was not removed", react: "Your sign was not put", unreact: "Your sign was not taken off", pin: "It was not pinned", unpin: "It was not unpinned" };

/** What one does to a message, until the log has it; and why the hub refused it. */
function Acts({ acts }: { acts: readonly Pending[] }) {
  return acts.map((one) => (one.state === "failed"
    ? <Refusal key={one.cid} one={one} />
    : DOING[one.act!.op] && <small key={one.cid} className="hint" role="status"> ◌ {DOING[one.act!.op]}…</small>));
}

function Refusal({ one }: { one: Pending }) {
  return (
    <span className="error refusal" role="alert">
      ✕ {one.act ? `${REFUSED[one.act.op]}: ` : ""}{one.why} <button className="quiet" onClick={() => live.again(one.cid)}>Try again</button>{" "}
      <button className="quiet" onClick={() => live.drop(one.cid)}>Discard</button>
    </span>
  );
}

/** A message in a few words. */
export function gist({ event, body, files, removed }: Message): string {
  return removed ? "a message that was removed" : `${event.name}: ${body || files.map((file) => file.name).join(", ")}`;
}

function Quote({ of, message, jump, tab }: { of: number; message?: Message; jump: (pos: number) => void; tab: boolean }) {
  return <button className="quote plain" tabIndex={tab ? 0 : -1} dir="auto" title="Go to it" onClick={() => jump(of)}>↳ {message ? gist(message) : "an earlier message"}</button>;
}

/** A conversion that everybody in the room has. */
function Conversion({ card, name, way }: { card: Card; name: string; way?: UnderWay }) {
  const files = [card.source, card.result].filter((file): file is RoomFile => file !== undefined);
  return (
    <>
      {name} → {card.to}: {card.why ? <span className="error">✕ {card.why}</span> : card.result ? "✓" : <Way way={way} />}
      {card.lost.length > 0 && <small className="hint"> Something is missing: {card.lost.join("; ")}</small>}
      <Files files={files} />
    </>
  );
}

function Way({ way }: { way?: UnderWay }) {
  if (way?.state === "queued") return way.position ? `in line, ${way.position} before it` : "in line, next";
  if (!way?.progress) return "being converted…";
  const { stage, percent } = way.progress;
  return <>{stage}{percent !== undefined && <> {percent} % <progress max={100} value={percent} aria-label="How far it is" /></>}</>;
}

/** What is on its way, or could not be sent. */
export function Unsent({ one, people }: { one: Pending; people: readonly Member[] }) {
  return (
    <li className="said unsent">
      <time />
      <b dir="auto">{user()?.name}</b>
      <div className="body" dir="auto">
        {one.act ? <em>to an earlier message{"body" in one.act && `: ${one.act.body}`}</em> : <Words text={one.body} people={people} me={user()?.id} />}
        {one.att && <small> {one.att.length} {one.att.length === 1 ? "file" : "files"}</small>}
        {one.state === "failed" && <Refusal one={one} />}
      </div>
      {one.state !== "failed" && <Mark sign={one.state === "sent" ? "✓" : "◌"} meaning={one.state === "sent" ? "in the log" : "waits to be sent"} />}
    </li>
  );
}

const Mark = ({ sign, meaning }: { sign: string; meaning: string }) => <span className="mark" role="img" aria-label={meaning} title={meaning}>{sign}</span>;
