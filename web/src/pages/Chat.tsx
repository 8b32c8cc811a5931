// One room: what was said and became of it, what is being sent, and where to write.

import { AnimatePresence } from "motion/react";
import * as m from "motion/react-m";
import { type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { type LoaderFunctionArgs, useLoaderData, useNavigate, useRevalidator } from "react-router";
import { request, upload } from "../api";
import { newId } from "../ids";
import { type Card, fold, type Line, type Message } from "../live/fold";
import { live, useLive } from "../live/hub";
import { holes, type Pending } from "../live/reduce";
import { Composer } from "../parts/Composer";
import { Field } from "../parts/Field";
import { Files } from "../parts/Files";
import { Notice } from "../parts/Notice";
import { useTask } from "../parts/task";
import { time } from "../parts/text";
import { user } from "../session";
import type { Member, Room, RoomEvent, RoomFile } from "../wire";

/** What stands before the name: a conversation of two is called after the other one. */
export const sign = (room: Room): string => (room.direct ? "@" : "#");

type Loaded = { room: Room; members: Member[] };

export async function loadChat({ params }: LoaderFunctionArgs): Promise<Loaded> {
  const path = `/api/v1/rooms/${encodeURIComponent(params.room!)}`;
  const room = await request<Room>("GET", path);
  const members = room.joined ? (await request<{ items: Member[] }>("GET", `${path}/members`)).items : [];
  return { room, members };
}

export function Chat() {
  const { room, members } = useLoaderData<Loaded>();
  return (
    <section className="chat" aria-label={`Room ${room.name}`}>
      <header>
        <h1>{sign(room)} {room.name}</h1>
        <span className="hint">{room.topic}</span>
        {room.joined && <People room={room} members={members} />}
      </header>
      {room.joined ? <Talk key={room.id} room={room} /> : <Join room={room} />}
    </section>
  );
}

function Join({ room }: { room: Room }) {
  const { busy, problem, run } = useTask();
  const { revalidate } = useRevalidator();
  const join = () => run(async () => (await request("POST", `/api/v1/rooms/${room.id}/join`), await revalidate()));
  return (
    <div className="empty">
      <p>You are not in this room yet. {room.members} {room.members === 1 ? "person is" : "people are"}.</p>
      <Notice problem={problem} />
      <button disabled={busy} onClick={join}>Join #{room.name}</button>
    </div>
  );
}

function People({ room, members }: Loaded) {
  const { busy, problem, run } = useTask();
  const { revalidate } = useRevalidator();
  const go = useNavigate();
  const invite = (form: HTMLFormElement) =>
    run(async () => {
      await request("POST", `/api/v1/rooms/${room.id}/invites`, { body: { user: String(new FormData(form).get("user")) } });
      form.reset();
      await revalidate();
    });
  const leave = () => {
    const back = !room.private ? "You can join again." : members.length > 1 ? "Only an invitation brings you back." : "Nobody else is in it: nobody can ever bring you back, and what was said there is gone for you.";
    if (!confirm(`Leave #${room.name}? ${back}`)) return;
    void run(async () => (await request("POST", `/api/v1/rooms/${room.id}/leave`), await go("/rooms"), await revalidate()));
  };
  return (
    <details className="people" onKeyDown={(event) => event.key === "Escape" && event.currentTarget.removeAttribute("open")}>
      <summary>{members.length} {members.length === 1 ? "member" : "members"}</summary>
      <div className="sheet">
        <ul>{members.map((member) => <li key={member.id}>{member.name} {member.role !== "member" && <small className="hint">{member.role}</small>}</li>)}</ul>
        <form onSubmit={(event) => (event.preventDefault(), void invite(event.currentTarget))}>
          <Field label="Invite by e-mail" name="user" type="email" required problem={problem} />
          <Notice problem={problem} />
          <button disabled={busy}>Invite</button>{" "}
          {!room.direct && <button type="button" className="quiet" disabled={busy} onClick={leave}>Leave room</button>}
        </form>
      </div>
    </details>
  );
}

function Talk({ room }: { room: Room }) {
  useEffect(() => (live.open(room.id), () => live.close(room.id)), [room.id]);
  const state = useLive((all) => all.rooms[room.id]);
  const all = useLive((now) => now.pending);
  const pending = all.filter((one) => one.room === room.id);
  const { busy, problem, run } = useTask();
  const sending = useTask();
  const { box, below, toEnd } = useScroll(state?.events, pending.length);
  const lines = useMemo(() => fold(state?.events ?? []), [state?.events]);
  useReadMark(room.id, state?.live ? state.events.at(-1)?.pos : undefined, below === 0);
  const say = (body: string, files: File[]) => void sending.run(async () => live.say(room.id, body, await uploaded(room.id, files)));
  const missing = new Set(state ? holes(state).map((hole) => hole.from) : []);
  return (
    <>
      <div className="log" ref={box}>
        {state && !state.complete && state.events[0] && state.events[0].kind !== "created" && (
          <button className="quiet" disabled={busy} onClick={() => run(() => live.older(room.id))}>Show earlier messages</button>
        )}
        <Notice problem={problem} />
        {state?.refused && <p className="notice" role="alert">{state.refused}</p>}
        <ol role="log" aria-label="Messages" aria-busy={!state?.live}>
          <AnimatePresence initial={false}>
            {lines.map((line) => {
              const event = "message" in line ? line.message.event : line.event;
              return <Row key={event.by + event.cid} line={line} lines={lines} persisted={event.pos <= (state?.persisted ?? 0)} hole={missing.has(event.pos)} />;
            })}
            {pending.map((one) => <Unsent key={one.cid} one={one} />)}
          </AnimatePresence>
        </ol>
      </div>
      {below > 0 && <button className="pill" onClick={toEnd}>{below} new {below === 1 ? "message" : "messages"} ↓</button>}
      <Notice problem={sending.problem} />
      <Composer onSay={say} busy={sending.busy} placeholder={`Message ${sign(room)}${room.name}`} />
    </>
  );
}

const enter = { initial: { opacity: 0, y: 6 }, animate: { opacity: 1, y: 0 }, transition: { duration: 0.15 } };

type RowProps = { line: Line; lines: readonly Line[]; persisted: boolean; hole: boolean };

function Row({ line, lines, persisted, hole }: RowProps) {
  const event = "message" in line ? line.message.event : line.event;
  const mine = event.by === user()?.id;
  return (
    <m.li {...enter} initial={mine ? false : enter.initial} className={"message" in line ? "said" : "fact"}>
      <time dateTime={event.ts}>{time(event.ts)}</time>
      <b dir="auto">{event.name}</b>
      <div className="body" dir="auto">{"message" in line ? <Said message={line.message} lines={lines} /> : line.fact}</div>
      {mine && "message" in line && <Mark sign={persisted ? "✓✓" : "✓"} meaning={persisted ? "in the database" : "in the log"} />}
      {hole && <em className="hint">messages are being fetched…</em>}
    </m.li>
  );
}

function Said({ message, lines }: { message: Message; lines: readonly Line[] }) {
  if (message.removed) return <em className="hint">This message was removed.</em>;
  const { event, body, files, card, signs } = message;
  return (
    <>
      {event.re !== undefined && <Quote of={event.re} lines={lines} />}
      {card ? <Conversion card={card} name={body} /> : body}
      {message.edited && <small className="hint"> (edited)</small>}
      {message.pinned && <small className="hint"> 📌 pinned</small>}
      <Files files={files} />
      {signs.size > 0 && <span className="signs">{[...signs].map(([of, who]) => <span key={of} aria-label={`${of}, ${who.size}`}>{of} {who.size}</span>)}</span>}
    </>
  );
}

const QUOTED = 100;

function Quote({ of, lines }: { of: number; lines: readonly Line[] }) {
  const line = lines.find((line) => "message" in line && line.message.event.pos === of);
  const message = line && "message" in line ? line.message : undefined;
  const text = !message ? "an earlier message" : message.removed ? "a message that was removed" : `${message.event.name}: ${message.body || message.files.map((file) => file.name).join(", ")}`;
  return <small className="quote" dir="auto">↳ {text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text}</small>;
}

/** A conversion that everybody in the room has. */
function Conversion({ card, name }: { card: Card; name: string }): ReactNode {
  return (
    <>
      {name} → {card.to}: {card.why ? <span className="error">✕ {card.why}</span> : card.result ? "✓" : "being converted…"}
      {card.lost.length > 0 && <small className="hint"> Something is missing: {card.lost.join("; ")}</small>}
      <Files files={[card.source, card.result].filter((file): file is RoomFile => file !== undefined)} />
    </>
  );
}

/** Brings files into the room, for the message that names them next. */
async function uploaded(room: string, files: File[]): Promise<string[] | undefined> {
  const ids: string[] = [];
  for (const file of files) {
    const path = `/api/v1/rooms/${room}/files?${new URLSearchParams({ name: file.name })}`;
    ids.push((await upload<RoomFile>(path, newId(), file, () => undefined, new AbortController().signal)).id);
  }
  return ids.length ? ids : undefined;
}

/** Tells the hub what the person has seen: the end of the room, while they look at it. */
function useReadMark(room: string, pos: number | undefined, atEnd: boolean) {
  useEffect(() => {
    const look = () => {
      if (pos !== undefined && atEnd && document.visibilityState === "visible") live.read(room, pos);
    };
    look();
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [room, pos, atEnd]);
}

function Unsent({ one }: { one: Pending }) {
  return (
    <m.li {...enter} className="said unsent">
      <time />
      <b dir="auto">{user()?.name}</b>
      <span className="body" dir="auto">{one.body}</span>
      {one.state === "sending" && <Mark sign="◌" meaning="sending" />}
      {one.state === "sent" && <Mark sign="✓" meaning="in the log" />}
      {one.state === "failed" && (
        <span className="error">
          ✕ {one.why} <button className="quiet" onClick={() => live.again(one.cid)}>Try again</button> <button className="quiet" onClick={() => live.drop(one.cid)}>Discard</button>
        </span>
      )}
    </m.li>
  );
}

const Mark = ({ sign, meaning }: { sign: string; meaning: string }) => <span className="mark" role="img" aria-label={meaning} title={meaning}>{sign}</span>;

/** Stays at the end while the reader is there or writes, and keeps the reader's place while older messages arrive above. */
function useScroll(events: RoomEvent[] | undefined, unsent: number) {
  const box = useRef<HTMLDivElement>(null);
  const was = useRef({ first: undefined as number | undefined, last: undefined as number | undefined, height: 0, unsent: 0, atEnd: true });
  const [below, setBelow] = useState(0);
  const first = events?.[0]?.pos;
  const last = events?.at(-1)?.pos;
  const toEnd = () => box.current?.scrollTo({ top: box.current.scrollHeight });
  useLayoutEffect(() => {
    const element = box.current!;
    const before = was.current;
    if (before.first !== undefined && first !== undefined && first < before.first) element.scrollTop += element.scrollHeight - before.height;
    else if (before.atEnd || unsent > before.unsent) toEnd();
    else if (last !== before.last) setBelow((count) => count + (events ?? []).filter((event) => event.pos > (before.last ?? 0)).length);
    was.current = { ...before, first, last, height: element.scrollHeight, unsent };
    // Every time it is drawn: an error under a message changes the height, too.
  });
  useEffect(() => {
    const element = box.current!;
    const look = () => {
      was.current.atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
      if (was.current.atEnd) setBelow(0);
    };
    element.addEventListener("scroll", look, { passive: true });
    return () => element.removeEventListener("scroll", look);
  }, []);
  return { box, below, toEnd };
}
