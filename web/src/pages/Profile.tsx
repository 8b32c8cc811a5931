// One's own name, words and photo.

import { type FormEvent, useId, useState } from "react";
import { useLoaderData, useRevalidator } from "react-router";
import { request } from "../api";
import { Field } from "../parts/Field";
import { Notice } from "../parts/Notice";
import { usePhoto } from "../parts/photo";
import { useTask } from "../parts/task";
import { setUser } from "../session";
import type { Me } from "../wire";

export async function loadProfile(): Promise<Me> {
  return request<Me>("GET", "/api/v1/me");
}

export function Profile() {
  const me = useLoaderData<Me>();
  const { busy, problem, run } = useTask();
  const [saved, setSaved] = useState(false);
  const [bio, zones, consent] = [useId(), useId(), useId()];
  const { revalidate } = useRevalidator();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setSaved(false);
    void run(async () => {
      const words = Object.fromEntries(["name", "bio", "tz"].map((key) => [key, String(form.get(key))]));
      const body = { ...words, allow_third_party: form.get("consent") === "on" };
      setUser(await request<Me>("PATCH", "/api/v1/me", { body }));
      await revalidate();
      setSaved(true);
    });
  };
  return (
    <section className="profile">
      <h1>Profile</h1>
      <Photo me={me} />
      <form onSubmit={submit} onChange={() => setSaved(false)}>
        <Field label="Name" name="name" defaultValue={me.name} maxLength={64} required problem={problem} />
        <div className="field">
          <label htmlFor={bio}>About you</label>
          <textarea id={bio} name="bio" defaultValue={me.bio} maxLength={500} rows={4} dir="auto" />
          <small className="hint">At most 500 characters.</small>
        </div>
        <Field label="Time zone" name="tz" defaultValue={me.tz} placeholder={Intl.DateTimeFormat().resolvedOptions().timeZone} list={zones} problem={problem} />
        <datalist id={zones}>{Intl.supportedValuesOf("timeZone").map((zone) => <option key={zone} value={zone} />)}</datalist>
        <label className="check">
          <input type="checkbox" name="consent" defaultChecked={me.allow_third_party} aria-describedby={consent} /> My files may go to conversion services of others
        </label>
        <p id={consent} className="hint">Off, every file stays on this hub. On, a conversion that the hub cannot do well itself may be made by a service of somebody else, if whoever runs this hub has set one up; its report says where the file went.</p>
        <Notice problem={problem} />
        <button disabled={busy}>Save</button> <span role="status">{saved && "✓ saved"}</span>
      </form>
      <p className="hint">{me.email}{me.role === "admin" && " · runs this hub"}</p>
    </section>
  );
}

function Photo({ me }: { me: Me }) {
  const { busy, problem, run } = useTask();
  const { revalidate } = useRevalidator();
  const [version, setVersion] = useState(0);
  const url = usePhoto(me, version);
  const put = (method: "PUT" | "DELETE", raw?: File) =>
    run(async () => {
      await request(method, "/api/v1/me/photo", { raw });
      setVersion(version + 1);
      await revalidate();
    });
  const choose = (file: File | undefined) => file && put("PUT", file);
  return (
    <div className="photo">
      {url ? <img src={url} alt="Your photo" width={96} height={96} /> : <span className="initial" aria-hidden>{Array.from(me.name)[0]}</span>}
      <label className="button">{busy ? "One moment…" : "Choose a photo"}<input className="unseen" type="file" accept="image/*" disabled={busy} onChange={(event) => choose(event.target.files?.[0])} /></label>
      {me.has_photo && <button className="quiet" disabled={busy} onClick={() => put("DELETE")}>Remove</button>}
      <Notice problem={problem} />
    </div>
  );
}
