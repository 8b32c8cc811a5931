// One's own name, words and photo.

import { type FormEvent, useEffect, useId, useState } from "react";
import { useLoaderData, useRevalidator } from "react-router";
import { content, request } from "../api";
import { Field } from "../parts/Field";
import { Notice } from "../parts/Notice";
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
  const bio = useId();
  const { revalidate } = useRevalidator();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setSaved(false);
    void run(async () => {
      const body = Object.fromEntries(["name", "bio", "tz"].map((key) => [key, String(form.get(key))]));
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
        <Field label="Time zone" name="tz" defaultValue={me.tz} placeholder={Intl.DateTimeFormat().resolvedOptions().timeZone} problem={problem} />
        <Notice problem={problem} />
        <button disabled={busy}>Save</button> <span role="status">{saved && "✓ saved"}</span>
      </form>
      <p className="hint">{me.email} · {me.role}</p>
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
      {url ? <img src={url} alt="Your photo" width={96} height={96} /> : <span className="initial" aria-hidden>{me.name.slice(0, 1)}</span>}
      <label className="button">{busy ? "One moment…" : "Choose a photo"}<input className="unseen" type="file" accept="image/*" disabled={busy} onChange={(event) => choose(event.target.files?.[0])} /></label>
      {me.has_photo && <button className="quiet" disabled={busy} onClick={() => put("DELETE")}>Remove</button>}
      <Notice problem={problem} />
    </div>
  );
}

/** The photo as an address of this page: an `<img>` cannot send the access token itself. */
function usePhoto(me: Me, version: number): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!me.has_photo) return setUrl(undefined);
    let made: string | undefined;
    let gone = false;
    void content(`/api/v1/users/${me.id}/photo`).then((blob) => {
      if (!gone) setUrl((made = URL.createObjectURL(blob)));
    }, () => setUrl(undefined));
    return () => {
      gone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [me.id, me.has_photo, version]);
  return url;
}
