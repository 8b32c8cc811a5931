// Who is in a room: how they are, what they say of themselves, and ways to bring somebody in or to go.

import { useState } from "react";
import { useNavigate, useRevalidator } from "react-router";
import { request } from "../api";
import { user } from "../session";
import type { Member, Presence, Profile, Room } from "../wire";
import { Field } from "./Field";
import { Notice } from "./Notice";
import { Panel } from "./Panel";
import { usePhoto } from "./photo";
import { useTask } from "./task";

type Here = Readonly<Record<string, Presence>>;
type Props = { room: Room; members: Member[]; here: Here };

const SIGN: Record<Presence, string> = { online: "●", away: "◐", offline: "○" };
const RANK: Record<Presence, number> = { online: 0, away: 1, offline: 2 };

/** Told live where that is known, and else as the list of members had it. */
export const presence = ({ id, presence }: Member, here: Here): Presence => here[id] ?? presence ?? "offline";

export const Dot = ({ is }: { is: Presence }) => <span className={`dot ${is}`} role="img" aria-label={is} title={is}>{SIGN[is]}</span>;

export function People({ room, members, here }: Props) {
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
  const shown = members.map((member) => ({ member, is: presence(member, here) })).sort((a, b) => RANK[a.is] - RANK[b.is] || a.member.name.localeCompare(b.member.name));
  const around = shown.filter(({ is }) => is !== "offline").length;
  return (
    <Panel className="people" over title={<><span className="roomy">{members.length} {members.length === 1 ? "member" : "members"}, </span>{around} here</>}>
      <ul>{shown.map(({ member, is }) => <li key={member.id}><Somebody member={member} is={is} /></li>)}</ul>
      {!room.direct && (
        <form onSubmit={(event) => (event.preventDefault(), void invite(event.currentTarget))}>
          <Field label="Invite by e-mail" name="user" type="email" required problem={problem} />
          <Notice problem={problem} />
          <button disabled={busy}>Invite</button>{" "}
          <button type="button" className="quiet" disabled={busy} onClick={leave}>Leave room</button>
        </form>
      )}
    </Panel>
  );
}

function Somebody({ member, is }: { member: Member; is: Presence }) {
  const [profile, setProfile] = useState<Profile>();
  const { problem, run } = useTask();
  const open = () => void run(async () => setProfile(await request<Profile>("GET", `/api/v1/users/${member.id}`)));
  return (
    <Panel onOpen={open} title={<><Dot is={is} /> <span dir="auto">{member.name}</span> {member.id === user()?.id && <small className="hint">you</small>} {member.role !== "member" && <small className="hint">{member.role}</small>}</>}>
      <Notice problem={problem} />
      {profile && <About profile={profile} />}
    </Panel>
  );
}

function About({ profile }: { profile: Profile }) {
  const { busy, problem, run } = useTask();
  const go = useNavigate();
  const photo = usePhoto(profile);
  const write = () =>
    run(async () => {
      const room = await request<Room>("POST", "/api/v1/direct", { body: { user: profile.id } });
      await go(`/rooms/${room.id}`);
    });
  return (
    <div className="about">
      {photo && <img src={photo} alt={`Photo of ${profile.name}`} width={64} height={64} />}
      <div>
        {profile.bio ? <p dir="auto">{profile.bio}</p> : <p className="hint">Nothing said about themselves.</p>}
        {profile.tz && <p className="hint">{clock(profile.tz)}</p>}
        {profile.id !== user()?.id && <button className="quiet" disabled={busy} onClick={write}>Write to {profile.name}</button>}
        <Notice problem={problem} />
      </div>
    </div>
  );
}

/** What time it is where they are. */
function clock(tz: string): string {
  try {
    return `${new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", timeZone: tz }).format()} in ${tz}`;
  } catch {
    return tz;
  }
}
