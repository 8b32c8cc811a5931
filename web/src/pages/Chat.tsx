// One room: who is in it, what is said there, and where it is looked for.

import { useRef, useState } from "react";
import { Link, type LoaderFunctionArgs, useLoaderData, useRevalidator } from "react-router";
import { request } from "../api";
import { useLive } from "../live/hub";
import { NOTHING } from "../live/passing";
import { Notice } from "../parts/Notice";
import { Dot, People, presence } from "../parts/People";
import { Search } from "../parts/Search";
import { sign, Talk } from "../parts/Talk";
import { useTask } from "../parts/task";
import { user } from "../session";
import type { Member, Room } from "../wire";

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
  const button = useRef<HTMLButtonElement>(null);
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
        {room.joined && <button ref={button} className="quiet" aria-expanded={searching} onClick={() => setSearching(!searching)}>Search</button>}
        {room.joined && <People key={room.id} room={room} members={members} here={here} />}
      </header>
      {searching && <Search key={`search ${room.id}`} room={room} onGo={go} onClose={() => (setSearching(false), button.current?.focus())} />}
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
