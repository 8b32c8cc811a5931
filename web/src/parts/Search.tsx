// Finding messages of a room, by their words or because they are pinned, and a way to where they were said.

import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from "react";
import { request } from "../api";
import type { Found, FoundMessage, Room } from "../wire";
import { Notice } from "./Notice";
import { useTask } from "./task";
import { moment, time } from "./text";

type Props = { room: Room; onGo: (pos: number) => void; onClose: () => void };

export function Search({ room, onGo, onClose }: Props) {
  const { busy, problem, run } = useTask();
  const [found, setFound] = useState<Found>();
  const [pinned, setPinned] = useState<FoundMessage[]>([]);
  useEffect(() => {
    // Without them, the search is there.
    request<{ messages: FoundMessage[] }>("GET", `/api/v1/rooms/${room.id}/pins`).then((page) => setPinned(page.messages), () => undefined);
  }, [room.id]);
  const words = useRef("");
  const look = (cursor?: string) =>
    run(async () => {
      const query = new URLSearchParams({ q: words.current, room: room.id, ...(cursor && { cursor }) });
      const page = await request<Found>("GET", `/api/v1/search?${query}`);
      setFound((was) => (cursor && was ? { ...page, items: [...was.items, ...page.items] } : page));
    });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    words.current = String(new FormData(event.currentTarget).get("q")).trim();
    if (words.current) void look();
  };
  const key = (event: KeyboardEvent) => event.key === "Escape" && (event.stopPropagation(), onClose());
  return (
    <section className="search" aria-label="Search this room" onKeyDown={key}>
      <form role="search" onSubmit={submit}>
        <input type="search" name="q" aria-label="Words to look for" placeholder={`Search ${room.name}: words, "in quotes", begin*`} maxLength={1000} autoFocus required />
        <button disabled={busy}>Search</button>
        <button type="button" className="quiet" aria-label="Close the search" title="Close (Escape)" onClick={onClose}>✕</button>
      </form>
      <Notice problem={problem} />
      <div role="status">
        {found?.items.length === 0 && <p className="hint">Nothing found. All words have to be there; the ones you are not sure of may end with *.</p>}
        {!!found?.behind && <p className="hint">About {found.behind} new messages are not searched yet.</p>}
      </div>
      {!found && pinned.length > 0 && (
        <>
          <h2>Pinned</h2>
          <ul className="found">{pinned.map((one) => <li key={one.id}><One one={one} onGo={onGo} /></li>)}</ul>
        </>
      )}
      {!!found?.items.length && (
        <ul className="found">
          {found.items.map((one) => <li key={one.id}><One one={one} onGo={onGo} /></li>)}
          {found.next && <li><button className="quiet" disabled={busy} onClick={() => void look(found.next)}>Show more</button></li>}
        </ul>
      )}
    </section>
  );
}

const SHOWN = 200;

function One({ one, onGo }: { one: FoundMessage; onGo: Props["onGo"] }) {
  const text = one.body || one.att?.map((file) => file.name).join(", ") || "";
  return (
    <button className="plain" onClick={() => onGo(one.pos)}>
      <time dateTime={one.ts} title={moment(one.ts)}>{time(one.ts)}</time> <b dir="auto">{one.name}</b> <span dir="auto">{text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text}</span>
    </button>
  );
}
