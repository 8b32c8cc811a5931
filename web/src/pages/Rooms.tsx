// The list of rooms, and a way to make one.

import { NavLink, Outlet, useLoaderData, useNavigate, useRevalidator } from "react-router";
import { request } from "../api";
import { Field } from "../parts/Field";
import { Notice } from "../parts/Notice";
import { useTask } from "../parts/task";
import type { Room } from "../wire";

/** One's own rooms and the public ones, by name. */
export async function loadRooms(): Promise<Room[]> {
  const lists = await Promise.all(["/api/v1/rooms", "/api/v1/rooms?public=true"].map((path) => request<{ items: Room[] }>("GET", path)));
  const byId = new Map(lists.flatMap((list) => list.items).map((room) => [room.id, room]));
  return [...byId.values()].sort((a, b) => a.name.localeCompare(b.name));
}

export function Rooms() {
  const rooms = useLoaderData<Room[]>();
  return (
    <div className="columns">
      <aside aria-label="Rooms">
        <RoomList title="Your rooms" rooms={rooms.filter((room) => room.joined)} empty="None yet: make one, or join one." />
        <RoomList title="Open to all" rooms={rooms.filter((room) => !room.joined)} />
        <NewRoom />
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
          <li key={room.id}><NavLink to={`/rooms/${room.id}`}><span># {room.name}</span> {room.private && <small>private</small>}</NavLink></li>
        ))}
      </ul>
    </section>
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
