// The list of rooms with what is unread in them, and ways to make one or to write to somebody.

import { useEffect } from "react";
import { NavLink, Outlet, useLoaderData, useNavigate, useParams, useRevalidator } from "react-router";
import { request } from "../api";
import { useLive } from "../live/hub";
import { Field } from "../parts/Field";
import { Notice } from "../parts/Notice";
import { Panel } from "../parts/Panel";
import { sign } from "../parts/Talk";
import { useTask } from "../parts/task";
import type { Room } from "../wire";

/** Between two looks at what is unread elsewhere. */
const LOOK_MS = 15_000;

/** One's own rooms and the public ones, by name. */
export async function loadRooms(): Promise<Room[]> {
  const lists = await Promise.all(["/api/v1/rooms", "/api/v1/rooms?public=true"].map((path) => request<{ items: Room[] }>("GET", path)));
  const byId = new Map(lists.flatMap((list) => list.items).map((room) => [room.id, room]));
  return [...byId.values()].sort((a, b) => a.name.localeCompare(b.name));
}

export function Rooms() {
  const rooms = useLoaderData<Room[]>();
  const marks = useLive((state) => state.marks);
  const read = rooms.map((room) => ((marks[room.id] ?? 0) >= (room.upto ?? Infinity) ? { ...room, unread: 0, mentions: 0 } : room));
  const { room: open } = useParams();
  useNews(read, read.find((room) => room.id === open));
  return (
    <div className={open ? "columns open" : "columns"}>
      <aside aria-label="Rooms">
        <RoomList title="Your rooms" rooms={read.filter((room) => room.joined)} empty="None yet: make one, or join one." />
        <RoomList title="Open to all" rooms={read.filter((room) => !room.joined)} />
        <NewRoom />
        <NewTalk />
      </aside>
      <Outlet />
    </div>
  );
}

function RoomList({ title, rooms, empty }: { title: string; rooms: Room[]; empty?: string }) {
  if (!rooms.length && !empty) return null;
  return (
    <section>
      <h2>{title}</h2>
      {rooms.length === 0 && <p className="hint">{empty}</p>}
      <ul className="rooms">
        {rooms.map((room) => (
          <li key={room.id}><NavLink to={`/rooms/${room.id}`}>{({ isActive }) => <><span>{sign(room)} {room.name}</span> <Tail room={room} open={isActive} /></>}</NavLink></li>
        ))}
      </ul>
    </section>
  );
}

/** What stands behind a room's name; of the open one everything is read in a moment. */
function Tail({ room, open }: { room: Room; open: boolean }) {
  const failed = useLive((state) => state.pending.some((one) => one.room === room.id && one.state === "failed"));
  if (failed && !open) return <small className="error" aria-label="something was not sent">✕ not sent</small>;
  if (room.unread && !open) return <small className="unread" aria-label={`${room.unread} unread`}>{room.mentions ? "@ " : ""}{room.unread}</small>;
  return room.private && !room.direct ? <small>private</small> : null;
}

/** Looks again when somebody brought the person into a room, now and then, and when they come back to this page. */
function useNews(rooms: Room[], open: Room | undefined) {
  const entered = useLive((state) => state.entered);
  const { revalidate } = useRevalidator();
  useEffect(() => void revalidate(), [entered, revalidate]);
  useEffect(() => {
    const look = () => document.visibilityState === "visible" && void revalidate();
    const timer = setInterval(look, LOOK_MS);
    document.addEventListener("visibilitychange", look);
    return () => (clearInterval(timer), document.removeEventListener("visibilitychange", look));
  }, [revalidate]);
  // What is said in the open room while nobody looks counts at once.
  const last = useLive((state) => (open ? state.rooms[open.id]?.events.at(-1)?.pos : undefined));
  useEffect(() => {
    if (document.visibilityState === "hidden") void revalidate();
  }, [last, revalidate]);
  const unread = rooms.reduce((sum, room) => sum + (room.unread ?? 0), 0);
  const title = [unread > 0 && `(${unread})`, open && `${sign(open)} ${open.name} ·`, "mshub"].filter(Boolean).join(" ");
  useEffect(() => {
    document.title = title;
    return () => void (document.title = "mshub");
  }, [title]);
}

function NewTalk() {
  const { busy, problem, run } = useTask();
  const go = useNavigate();
  const { revalidate } = useRevalidator();
  const submit = (element: HTMLFormElement) =>
    run(async () => {
      const room = await request<Room>("POST", "/api/v1/direct", { body: { user: String(new FormData(element).get("user")) } });
      element.reset();
      element.closest("details")!.open = false;
      await revalidate();
      await go(`/rooms/${room.id}`);
    });
  return (
    <Panel title="Write to somebody">
      <form onSubmit={(event) => (event.preventDefault(), void submit(event.currentTarget))}>
        <Field label="Their e-mail" name="user" type="email" required problem={problem} />
        <Notice problem={problem} />
        <button disabled={busy}>Open</button>
      </form>
    </Panel>
  );
}

function NewRoom() {
  const { busy, problem, run } = useTask();
  const go = useNavigate();
  const { revalidate } = useRevalidator();
  const submit = (element: HTMLFormElement) =>
    run(async () => {
      const form = new FormData(element);
      const body = { name: String(form.get("name")), private: form.get("private") === "on" };
      const room = await request<Room>("POST", "/api/v1/rooms", { body });
      element.reset();
      element.closest("details")!.open = false;
      await revalidate();
      await go(`/rooms/${room.id}`);
    });
  return (
    <Panel title="New room">
      <form onSubmit={(event) => (event.preventDefault(), void submit(event.currentTarget))}>
        <Field label="Name" name="name" hint="Letters, digits, - _ ." maxLength={64} required problem={problem} />
        <label className="check"><input type="checkbox" name="private" /> Private: by invitation only</label>
        <Notice problem={problem} />
        <button disabled={busy}>Make room</button>
      </form>
    </Panel>
  );
}

export function NoRoom() {
  return <p className="empty">Choose a room, or make a new one.</p>;
}
