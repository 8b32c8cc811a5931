// The page behind the mailed link. It asks for one press, because mail scanners open links too, and a link works once.

import { useState } from "react";
import { Link, useSearchParams } from "react-router";
import { request } from "../api";
import { Field } from "../parts/Field";
import { Notice } from "../parts/Notice";
import { useTask } from "../parts/task";
import type { Me } from "../wire";
import { Card } from "./Card";

export function Verify() {
  const [query] = useSearchParams();
  const token = query.get("token");
  const [me, setMe] = useState<Me>();
  const { busy, problem, run } = useTask();
  const verify = async (text: string) => setMe(await request<Me>("POST", "/api/v1/auth/verify", { body: { token: text }, open: true }));
  if (me) {
    return (
      <Card title="Verified">
        <p>Welcome, {me.name}. <Link to="/signin">Sign in</Link> to begin.</p>
      </Card>
    );
  }
  return (
    <Card title="Verify your address">
      {token && !problem ? (
        <button disabled={busy} onClick={() => run(() => verify(token))}>{busy ? "Verifying…" : "Verify my address"}</button>
      ) : (
        <CodeForm verify={verify} />
      )}
      <Notice problem={problem} />
      <NewMail />
    </Card>
  );
}

/** For those whose mail is lost, or too old. */
function NewMail() {
  const [email, setEmail] = useState("");
  return (
    <details>
      <summary>No mail, or a link that is too old?</summary>
      <Field label="E-mail" name="email" type="email" autoComplete="username" onChange={(event) => setEmail(event.target.value)} />
      <Resend key={email} email={email} />
    </details>
  );
}

/** The short code of the mail, typed by hand. */
export function CodeForm({ verify }: { verify: (token: string) => Promise<void> }) {
  const { busy, problem, run } = useTask();
  const submit = (form: FormData) => run(() => verify(String(form.get("token")).trim()));
  return (
    <form onSubmit={(event) => (event.preventDefault(), void submit(new FormData(event.currentTarget)))}>
      <Field label="Code from the mail" name="token" autoComplete="one-time-code" required problem={problem} />
      <Notice problem={problem} />
      <button disabled={busy}>{busy ? "Verifying…" : "Verify"}</button>
    </form>
  );
}

/** Another mail with a new link and a new code. */
export function Resend({ email, onSent }: { email: string; onSent?: () => void }) {
  const { busy, problem, run } = useTask();
  const [sent, setSent] = useState(false);
  const again = () => run(async () => (await request("POST", "/api/v1/auth/resend", { body: { email }, open: true }), setSent(true), onSent?.()));
  return (
    <>
      <button type="button" className="quiet" disabled={busy || sent || !email} onClick={again}>{sent ? "✓ sent, if there is such an account" : "Send the mail again"}</button>
      <Notice problem={problem} />
    </>
  );
}
