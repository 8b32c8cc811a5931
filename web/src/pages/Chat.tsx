// One room: what was said and became of it, what is being sent, and where to write.

import { type DragEvent, type FocusEvent, Fragment, type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Link, type LoaderFunctionArgs, useLoaderData, useRevalidator } from "react-router";
import { request, upload } from "../api";
import { newId } from "../ids";
import { fold, type Line, type Message } from "../live/fold";
import { live, useLive } from "../live/hub";
import { deeds } from "../live/may";
import { NOTHING, whoWrites } from "../live/passing";
import { holes } from "../live/reduce";
import { Composer, type Intent, MOST_FILES } from "../parts/Composer";
import { Menu } from "../parts/Menu";
import { Notice } from "../parts/Notice";
import { Dot, People, presence } from "../parts/People";
import { type Does, Row, Unsent } from "../parts/Row";
import { useScroll } from "../parts/scroll";
import { Search } from "../parts/Search";
import { useTask } from "../parts/task";
import { day } from "../parts/text";
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
  const here = useLive((all) => all.rooms[room.id]?.passed.here) ?? NOTHING.here;
  const [searching, setSearching] = useState(false);
  const [wanted, setWanted] = useState<{ pos: number }>();
  const other = room.direct ? members.find((member) => member.id !== user()?.id) : undefined;
  const go = (pos: number) => (setSearching(false), setWanted({ pos }));
  return (
    <section className="chat" aria-label={`Room ${room.name}`}>
      <header>
        <Link className="back" to="/rooms" aria-label="All rooms">‹</Link>
        <h1 dir="auto">{sign(room)} {room.name}</h1>
        {other && <Dot is={presence(other, here)} />}
        <span className="hint topic" dir="auto">{room.topic}</span>
        {room.joined && <button className="quiet" aria-expanded={searching} onClick={() => setSearching(!searching)}>Search</button>}
        {room.joined && <People key={room.id} room={room} members={members} here={here} />}
      </header>
      {searching && <Search key={`search ${room.id}`} room={room} onGo={go} onClose={() => setSearching(false)} />}
      {room.joined ? <Talk key={room.id} room={room} members={members} wanted={wanted} /> : <Join room={room} />}
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

type TalkProps = Loaded & { /** A message to go to. */ wanted?: { pos: number } };

function Talk({ room, members, wanted }: TalkProps) {
  useEffect(() => (live.open(room.id), () => live.close(room.id)), [room.id]);
  const me = user()?.id;
  const state = useLive((all) => all.rooms[room.id]);
  const all = useLive((now) => now.pending);
  const held = useLive((now) => now.held);
  const pending = useMemo(() => all.filter((one) => one.room === room.id), [all, room.id]);
  const lines = useMemo(() => fold(state?.events ?? [], pending.filter((one) => one.act), me), [state?.events, pending, me]);
  const messages = useMemo(() => new Map(lines.flatMap((line) => ("message" in line ? [[line.message.event.pos, line.message] as const] : []))), [lines]);
  const loading = useTask();
  const older = () => void (state?.live && !state.complete && state.events[0]?.kind !== "created" && !loading.busy && loading.run(() => live.older(room.id)));
  const { box, line, below, atEnd, lineAbove, toEnd, toLine, toRow } = useScroll({ events: state?.events, unsent: pending.filter((one) => !one.act).length, live: state?.live ?? false, onTop: older, me });
  const newest = state?.live ? state.events.at(-1)?.pos : undefined;
  useReadMark(room.id, newest, atEnd);
  useNewMembers(lines);
  const [mark, setMark] = useUnreadLine(room, newest, atEnd);
  const unread = lines.filter((one) => "message" in one && one.message.event.pos > mark && one.message.event.by !== me);
  const isUnreadFurtherUp = !!state?.live && !state.complete && (state.events[0]?.pos ?? 0) > mark && state.events[0]?.kind !== "created";
  const firstUnread = unread[0] && !isUnreadFurtherUp ? eventOf(unread[0]).pos : undefined;
  const { jump, flash, looking } = useJump(room.id, box, toRow, wanted);
  const [intent, setIntent] = useState<Intent>();
  const [menu, setMenu] = useState<{ message: Message; beside: Element }>();
  const [tab, setTab] = useState<number>();
  const [files, setFiles] = useState<File[]>([]);
  const sending = useTask();
  const [share, setShare] = useState<string>();
  const put = useCallback((message: Message, of: string) => {
    live.act(room.id, message.event.pos, { op: message.signs.get(of)?.has(me ?? "") ? "unreact" : "react", body: of });
  }, [room.id, me]);
  const does = useMemo<Does>(() => ({
    menu: (message, beside) => setMenu({ message, beside }),
    reply: (message) => setIntent({ to: "reply", message }),
    sign: put,
    jump: (pos) => void jump(pos),
  }), [put, jump]);
  const edit = (message: Message | undefined) => message && setIntent({ to: "edit", message });
  const mine = lines.flatMap((one) => ("message" in one && one.message.event.by === me && deeds(room, me, one.message).has("edit") ? [one.message] : []));
  const say = (body: string, chosen: File[]): boolean | Promise<boolean> => {
    if (intent?.to === "edit") {
      if (body !== intent.message.body) live.act(room.id, intent.message.event.pos, { op: "edit", body });
      return true;
    }
    const re = intent?.message.event.pos;
    setMark(Infinity);
    if (!chosen.length) return (live.say(room.id, body, { re }), true);
    let done = false;
    return sending.run(async () => {
      live.say(room.id, body, { re, att: await uploaded(room.id, chosen, setShare) });
      done = true;
    }).then(() => done);
  };
  const doIt = (message: Message, deed: string) => {
    if (deed === "reply") return setIntent({ to: "reply", message });
    if (deed === "edit") return edit(message);
    if (deed === "copy") return void navigator.clipboard.writeText(message.body);
    if (deed === "redact" && !confirm("Remove this message for everybody? Nothing brings it back.")) return;
    if (deed === "redact" || deed === "pin" || deed === "unpin") live.act(room.id, message.event.pos, { op: deed });
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setFiles([...files, ...event.dataTransfer.files].slice(0, MOST_FILES));
  };
  const key = (event: KeyboardEvent) => keys(event, (row) => {
    const message = messages.get(Number(row.dataset["pos"]));
    if (message && !message.removed) setMenu({ message, beside: row });
  });
  const missing = new Set(state ? holes(state).map((hole) => hole.from) : []);
  const lastPos = lines.at(-1) && eventOf(lines.at(-1)!).pos;
  const seenFrom = useRef<number>(undefined);
  if (state?.live) seenFrom.current ??= state.events.at(-1)?.pos ?? 0;
  return (
    <div className="talk" onDragOver={(event) => event.preventDefault()} onDrop={drop}>
      <div className="log" ref={box}>
        <ol role="log" aria-label="Messages" aria-busy={!state?.live} onKeyDown={key} onFocus={(event: FocusEvent) => setTab(Number(event.target.closest<HTMLElement>("[data-pos]")?.dataset["pos"] ?? tab))}>
          {state && !state.complete && state.events[0] && state.events[0].kind !== "created" && (
            <li className="more"><button className="quiet" disabled={loading.busy} onClick={older}>{loading.busy ? "One moment…" : "Show earlier messages"}</button></li>
          )}
          {loading.problem && <li><Notice problem={loading.problem} /></li>}
          {state?.refused && <li className="notice" role="alert">{state.refused}</li>}
          {state?.live && !lines.length && !pending.length && <li className="empty">Nothing is said here yet.</li>}
          {lines.map((one, at) => {
            const event = eventOf(one);
            const re = "message" in one ? one.message.event.re : undefined;
            const isNewDay = new Date(event.ts).toDateString() !== (lines[at - 1] && new Date(eventOf(lines[at - 1]!).ts).toDateString());
            return (
              <Fragment key={event.by + event.cid}>
                {isNewDay && <li className="day" role="separator">{day(event.ts)}</li>}
                {event.pos === firstUnread && <li className="newline" role="separator" ref={line}>new</li>}
                <Row line={one} does={does} people={members} quoted={re === undefined ? undefined : messages.get(re)} way={state?.passed.cards[event.pos]?.at}
                  persisted={event.pos <= (state?.persisted ?? 0)} hole={missing.has(event.pos)} fresh={event.pos > (seenFrom.current ?? Infinity)} tab={event.pos === (tab ?? lastPos)} flash={event.pos === flash} />
              </Fragment>
            );
          })}
          {pending.filter((one) => !one.act || (one.state === "failed" && !messages.has(one.act.tgt))).map((one) => <Unsent key={one.cid} one={one} people={members} />)}
        </ol>
      </div>
      {isUnreadFurtherUp && !!room.unread
        ? <button className="pill up" disabled={looking} onClick={() => void jump(mark + 1, true).then(() => requestAnimationFrame(toLine))}>{looking ? "One moment…" : `↑ ${room.unread} new`}</button>
        : lineAbove && unread.length > 0 && <button className="pill up" onClick={toLine}>↑ {unread.length} new</button>}
      {looking && <p className="pill up" role="status">Looking for the message…</p>}
      {!atEnd && state?.live && <button className="pill" onClick={toEnd}>{below > 0 ? `${below} new ${below === 1 ? "message" : "messages"} ↓` : "↓ newest"}</button>}
      <p className="writes hint" role="status">{whoWrites(state?.passed, me) || (held && "The hub stores no messages right now: what you write waits here.")}</p>
      <Notice problem={sending.problem} />
      <Composer room={room.id} placeholder={`Message ${sign(room)}${room.name}`} people={members} intent={intent} onIntent={setIntent} files={files} onFiles={setFiles}
        onSay={say} onEditLast={() => edit(mine.at(-1))} onTyping={(on) => live.typing(room.id, on)} sending={sending.busy ? (share ?? "One moment…") : undefined} />
      {menu && <Menu key={menu.message.event.pos} message={menu.message} beside={menu.beside} may={deeds(room, me, menu.message)} onDo={(deed) => doIt(menu.message, deed)} onSign={(of) => put(menu.message, of)} onClose={() => setMenu(undefined)} />}
    </div>
  );
}

const eventOf = (line: Line): RoomEvent => ("message" in line ? line.message.event : line.event);

/** The arrows go from line to line, Enter opens what one may do. */
function keys(event: KeyboardEvent, open: (row: HTMLElement) => void) {
  const row = event.target as HTMLElement;
  if (!row.matches("[data-pos]")) return;
  if (event.key === "Enter" || event.key === " ") return (event.preventDefault(), open(row));
  const rows = [...row.parentElement!.querySelectorAll<HTMLElement>(":scope > [data-pos]")];
  const at = rows.indexOf(row);
  const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: rows.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  rows[to]?.focus();
}

/** Brings files into the room, for the message that names them next. */
async function uploaded(room: string, files: File[], tell: (share: string) => void): Promise<string[]> {
  const ids: string[] = [];
  for (const file of files) {
    const path = `/api/v1/rooms/${room}/files?${new URLSearchParams({ name: file.name })}`;
    const progress = (share: number) => tell(`Sending ${file.name}: ${Math.round(share * 100)} %`);
    ids.push((await upload<RoomFile>(path, newId(), file, progress)).id);
  }
  return ids;
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

/** After which position everything is new: where the person was when they came, or when they last looked away. */
function useUnreadLine(room: Room, newest: number | undefined, atEnd: boolean): [number, (mark: number) => void] {
  const [mark, setMark] = useState(room.mark ?? Infinity);
  useEffect(() => {
    const look = () => document.visibilityState === "hidden" && newest !== undefined && atEnd && setMark(newest);
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [newest, atEnd]);
  return [mark, setMark];
}

/** Who came or went changes the list of members. */
function useNewMembers(lines: readonly Line[]) {
  const { revalidate } = useRevalidator();
  const last = lines.findLast((line) => "fact" in line);
  const pos = last && eventOf(last).pos;
  const first = useRef(pos);
  useEffect(() => {
    if (first.current !== undefined && pos !== first.current) void revalidate();
    first.current = pos;
  }, [pos, revalidate]);
}

const FLASH_MS = 2_500;

/** Goes to a message, however long ago it was said. */
function useJump(room: string, box: React.RefObject<HTMLDivElement | null>, toRow: ReturnType<typeof useScroll>["toRow"], wanted: { pos: number } | undefined) {
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
