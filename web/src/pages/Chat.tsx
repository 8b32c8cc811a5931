// One room: what was said, what is being sent, and where to write.

import { AnimatePresence } from "motion/react";
import * as m from "motion/react-m";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { type LoaderFunctionArgs, useLoaderData, useNavigate, useRevalidator } from "react-router";
import { request } from "../api";
import { live, useLive } from "../live/hub";
import { holes, type Pending } from "../live/reduce";
import { Composer } from "../parts/Composer";
import { Field } from "../parts/Field";
import { Notice } from "../parts/Notice";
import { useTask } from "../parts/task";
import { time } from "../parts/text";
import { user } from "../session";
import type { Member, Room, RoomEvent } from "../wire";

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
        <h1># {room.name}</h1>
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
  const leave = () => run(async () => (await request("POST", `/api/v1/rooms/${room.id}/leave`), await go("/rooms"), await revalidate()));
  return (
    <details className="people">
      <summary>{members.length} {members.length === 1 ? "member" : "members"}</summary>
      <div className="sheet">
        <ul>{members.map((member) => <li key={member.id}>{member.name} {member.role !== "member" && <small className="hint">{member.role}</small>}</li>)}</ul>
        <form onSubmit={(event) => (event.preventDefault(), void invite(event.currentTarget))}>
          <Field label="Invite by e-mail" name="user" type="email" required problem={problem} />
          <Notice problem={problem} />
          <button disabled={busy}>Invite</button> <button type="button" className="quiet" disabled={busy} onClick={leave}>Leave room</button>
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
  const { box, below, toEnd } = useScroll(state?.events, pending.length);
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
            {state?.events.map((event) => (
              <Line key={event.by + event.cid} event={event} persisted={event.pos <= state.persisted} hole={missing.has(event.pos)} />
            ))}
            {pending.map((one) => <Unsent key={one.cid} one={one} />)}
          </AnimatePresence>
        </ol>
      </div>
      {below > 0 && <button className="pill" onClick={toEnd}>{below} new {below === 1 ? "message" : "messages"} ↓</button>}
      <Composer onSay={(body) => live.say(room.id, body)} placeholder={`Message #${room.name}`} />
    </>
  );
}

const enter = { initial: { opacity: 0, y: 6 }, animate: { opacity: 1, y: 0 }, transition: { duration: 0.15 } };

function Line({ event, persisted, hole }: { event: RoomEvent; persisted: boolean; hole: boolean }) {
  const mine = event.by === user()?.id;
  return (
    <m.li {...enter} initial={mine ? false : enter.initial} className={event.kind === "said" ? "said" : "fact"}>
      <time dateTime={event.ts}>{time(event.ts)}</time>
      <b dir="auto">{event.name}</b>
      <span className="body" dir="auto">{words(event)}</span>
      {mine && event.kind === "said" && <Mark sign={persisted ? "✓✓" : "✓"} meaning={persisted ? "in the database" : "in the log"} />}
      {hole && <em className="hint">messages are being fetched…</em>}
    </m.li>
  );
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

function words(event: RoomEvent): string {
  switch (event.kind) {
    case "said": return event.body ?? "";
    case "created": return "made the room";
    case "joined": return "joined";
    case "left": return "left";
    case "invited": return `added ${event.body ?? "somebody"}`;
    // A newer hub may know more kinds than this page.
    default: return `${event.kind} ${event.body ?? ""}`;
  }
}

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
