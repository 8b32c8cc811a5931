// The list of rooms with what is unread in them, and ways to make one or to write to somebody.

import { useEffect } from "react";
import { NavLink, Outlet, useLoaderData, useNavigate, useRevalidator } from "react-router";
import { request } from "../api";
import { useLive } from "../live/hub";
import { Field } from "../parts/Field";
import { Notice } from "../parts/Notice";
import { useTask } from "../parts/task";
import type { Room } from "../wire";
import { sign } from "./Chat";

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
  useNews(rooms);
  return (
    <div className="columns">
      <aside aria-label="Rooms">
        <RoomList title="Your rooms" rooms={rooms.filter((room) => room.joined)} empty="None yet: make one, or join one." />
        <RoomList title="Open to all" rooms={rooms.filter((room) => !room.joined)} />
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
  if (room.unread && !open) return <small className="unread" aria-label={`${room.unread} unread`}>{room.mentions ? "@ " : ""}{room.unread}</small>;
  return room.private && !room.direct ? <small>private</small> : null;
}

/** Looks again when somebody brought the person into a room, now and then, and when they come back to this page. */
function useNews(rooms: Room[]) {
  const entered = useLive((state) => state.entered);
  const { revalidate } = useRevalidator();
  useEffect(() => void revalidate(), [entered, revalidate]);
  useEffect(() => {
    const look = () => document.visibilityState === "visible" && void revalidate();
    const timer = setInterval(look, LOOK_MS);
    document.addEventListener("visibilitychange", look);
    return () => (clearInterval(timer), document.removeEventListener("visibilitychange", look));
  }, [revalidate]);
  const unread = rooms.reduce((sum, room) => sum + (room.unread ?? 0), 0);
  useEffect(() => {
    document.title = unread ? `(${unread}) mshub` : "mshub";
    return () => void (document.title = "mshub");
  }, [unread]);
}

function NewTalk() {
  const { busy, problem, run } = useTask();
  const go = useNavigate();
  const { revalidate } = useRevalidator();
  const submit = (element: HTMLFormElement) =>
    run(async () => {
      const room = await request<Room>("POST", "/api/v1/direct", { body: { user: String(new FormData(element).get("user")) } });
      element.reset();
      await revalidate();
      await go(`/rooms/${room.id}`);
    });
  return (
    <details>
      <summary>Write to somebody</summary>
      <form onSubmit={(event) => (event.preventDefault(), void submit(event.currentTarget))}>
        <Field label="Their e-mail" name="user" type="email" required problem={problem} />
        <Notice problem={problem} />
        <button disabled={busy}>Open</button>
      </form>
    </details>
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
      await revalidate();
      await go(`/rooms/${room.id}`);
    });
  return (
    <details>
      <summary>New room</summary>
      <form onSubmit={(event) => (event.preventDefault(), void submit(event.currentTarget))}>
        <Field label="Name" name="name" hint="Letters, digits, - _ ." maxLength={64} required problem={problem} />
        <label className="check"><input type="checkbox" name="private" /> Private: by invitation only</label>
        <Notice problem={problem} />
        <button disabled={busy}>Make room</button>
      </form>
    </details>
  );
}

export function NoRoom() {
  return <p className="empty">Choose a room, or make a new one.</p>;
}
