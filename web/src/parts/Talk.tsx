// What is said in a room and became of it, what is being sent, and where to write.

import { type DragEvent, useEffect, useMemo, useRef, useState } from "react";
import { upload } from "../api";
import { newId } from "../ids";
import { fold, type Message } from "../live/fold";
import { live, useLive } from "../live/hub";
import { type Deed, deeds } from "../live/may";
import { whoWrites } from "../live/passing";
import { holes, type RoomState } from "../live/reduce";
import { user } from "../session";
import type { Member, Room, RoomFile } from "../wire";
import { Composer, type Intent, MOST_FILES } from "./Composer";
import { eventOf, Lines } from "./Lines";
import { Menu } from "./Menu";
import { Notice } from "./Notice";
import { useJump, useNewMembers, useReadMark, useUnreadLine } from "./reading";
import type { Does } from "./Row";
import { useScroll } from "./scroll";
import { useTask } from "./task";

type Props = {
  room: Room; members: Member[];
  /** A message to go to. */
  wanted?: { pos: number };
};

/** What stands before the name: a conversation of two is called after the other one. */
export const sign = (room: Room): string => (room.direct ? "@" : "#");

export function Talk({ room, members, wanted }: Props) {
  useEffect(() => (live.open(room.id), () => live.close(room.id)), [room.id]);
  const me = user()?.id;
  const state = useLive((all) => all.rooms[room.id]);
  const held = useLive((now) => now.held);
  const people = useSame(members, members.map(({ id, name }) => id + name).join());
  const { pending, lines, messages, missing, last } = useFolded(room.id, state, me);
  useNewMembers(lines.findLast((one) => "fact" in one));
  const [mark, setMark] = useState(room.mark ?? Infinity);
  const hasMore = !!state && !state.complete && !!state.events[0] && state.events[0].kind !== "created";
  const loading = useTask();
  const older = () => void (state?.live && hasMore && !loading.busy && loading.run(() => live.older(room.id)));
  const scroll = useScroll({ events: state?.events, unsent: pending.filter((one) => !one.act).length, live: state?.live ?? false, onTop: older, me });
  const newest = state?.live ? last : undefined;
  const since = useRef(newest);
  since.current ??= newest;
  const unread = lines.filter((one) => "message" in one && one.message.event.pos > mark && one.message.event.by !== me);
  const isFurtherUp = hasMore && !!state?.live && state.events[0]!.pos > mark;
  const firstUnread = unread[0] && !isFurtherUp ? eventOf(unread[0]).pos : undefined;
  useReadMark(room.id, newest, scroll.atEnd);
  useUnreadLine(newest, scroll.atEnd, firstUnread !== undefined || isFurtherUp, setMark);
  const { jump, flash, looking } = useJump(room.id, scroll, wanted);
  const [intent, setIntent] = useState<Intent>();
  const [menu, setMenu] = useState<{ message: Message; beside: Element }>();
  const [files, setFiles] = useState<File[]>([]);
  const sending = useTask();
  const [share, setShare] = useState<string>();
  const does = useMemo<Does>(() => ({
    menu: (message, beside) => setMenu({ message, beside }),
    reply: (message) => setIntent({ to: "reply", message }),
    sign: (message, of) => live.act(room.id, message.event.pos, { op: message.signs.get(of)?.has(me ?? "") ? "unreact" : "react", body: of }),
    jump: (pos) => void jump(pos),
  }), [room.id, me, jump]);
  const editLast = () => {
    const mine = [...messages.values()].findLast((one) => one.event.by === me && deeds(room, me, one).has("edit"));
    if (mine) setIntent({ to: "edit", message: mine });
  };
  const say = (body: string, chosen: File[]): boolean | Promise<boolean> => {
    const about = intent?.message;
    if (intent?.to === "edit") {
      if (body !== about!.body) live.act(room.id, about!.event.pos, { op: "edit", body });
      return true;
    }
    if (newest !== undefined) setMark(newest);
    const re = about?.event.pos;
    if (!chosen.length) return (live.say(room.id, body, { re }), true);
    let done = false;
    return sending.run(async () => {
      live.say(room.id, body, { re, att: await uploaded(room.id, chosen, setShare) });
      done = true;
    }).then(() => done);
  };
  const carryOut = (message: Message, deed: Deed | "copy") => {
    if (deed === "reply" || deed === "edit") setIntent({ to: deed, message });
    else if (deed === "copy") void navigator.clipboard.writeText(message.body);
    else if (deed === "redact" && !confirm("Remove this message for everybody? Nothing brings it back.")) return;
    else if (deed === "redact" || deed === "pin" || deed === "unpin") live.act(room.id, message.event.pos, { op: deed });
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setFiles([...files, ...event.dataTransfer.files].slice(0, MOST_FILES));
  };
  const toUnread = () => (isFurtherUp ? void jump(mark + 1, true).then(() => requestAnimationFrame(scroll.toLine)) : scroll.toLine());
  const countUp = isFurtherUp ? room.unread : scroll.lineAbove ? unread.length : 0;
  return (
    <div className="talk" onDragOver={(event) => event.preventDefault()} onDrop={drop}>
      <div className="log" ref={scroll.box} role="log" aria-label="Messages" aria-busy={!state?.live}>
        <div>
          {hasMore && <p className="more"><button className="quiet" disabled={loading.busy} onClick={older}>{loading.busy ? "One moment…" : "Show earlier messages"}</button></p>}
          <Notice problem={loading.problem} />
          {state?.refused && <p className="notice" role="alert">{state.refused}</p>}
          {state?.live && !lines.length && !pending.length && <p className="empty">Nothing is said here yet.</p>}
          <Lines lines={lines} messages={messages} pending={pending} people={people} does={does} persisted={state?.persisted ?? 0} missing={missing} cards={state?.passed.cards} firstUnread={firstUnread} line={scroll.line} flash={flash} since={since.current} />
        </div>
      </div>
      {looking ? <p className="pill up" role="status">Looking for it…</p> : !!countUp && <button className="pill up" onClick={toUnread}>↑ {countUp} new</button>}
      {!scroll.atEnd && state?.live && <button className="pill" onClick={scroll.toEnd}>{scroll.below > 0 ? `${scroll.below} new ${scroll.below === 1 ? "message" : "messages"} ↓` : "↓ newest"}</button>}
      <p className="writes hint" role="status">{whoWrites(state?.passed, me) || (held && "The hub stores no messages right now: what you write waits here.")}</p>
      <Notice problem={sending.problem} />
      <Composer draft={`${me} ${room.id}`} placeholder={`Message ${sign(room)}${room.name}`} people={people} intent={intent} onIntent={setIntent} files={files} onFiles={setFiles}
        onSay={say} onEditLast={editLast} onTyping={(on) => live.typing(room.id, on)} sending={sending.busy ? (share ?? "One moment…") : undefined} />
      {menu && <Menu key={menu.message.event.pos} message={menu.message} beside={menu.beside} may={deeds(room, me, menu.message)} onDo={(deed) => carryOut(menu.message, deed)} onSign={(of) => does.sign(menu.message, of)} onClose={() => setMenu(undefined)} />}
    </div>
  );
}

const NO_EVENTS: RoomState["events"] = [];

/** What is known of a room as people see it; each part stays the same until it changes. */
function useFolded(room: string, state: RoomState | undefined, me: string | undefined) {
  const all = useLive((now) => now.pending);
  const pending = useMemo(() => all.filter((one) => one.room === room), [all, room]);
  const events = state?.events ?? NO_EVENTS;
  const lines = useMemo(() => fold(events, pending.filter((one) => one.act), me), [events, pending, me]);
  const messages = useMemo(() => new Map(lines.flatMap((line) => ("message" in line ? [[line.message.event.pos, line.message] as const] : []))), [lines]);
  const gaps = state?.gaps;
  const missing = useMemo(() => new Set(gaps ? holes({ events, gaps }).map((hole) => hole.from) : []), [events, gaps]);
  return { pending, lines, messages, missing, last: events.at(-1)?.pos };
}

/** The same object as before, as long as what is said of it is the same. */
function useSame<T>(value: T, said: string): T {
  const kept = useRef({ value, said });
  if (kept.current.said !== said) kept.current = { value, said };
  return kept.current.value;
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
