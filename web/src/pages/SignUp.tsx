// Sign up, then verify the address: with the mail, or with the kept mail of a hub that sends none.

import { useEffect, useState } from "react";
import { Link, useNavigate } from "react-router";
import { request } from "../api";
import { Field } from "../parts/Field";
import { Notice } from "../parts/Notice";
import { useTask } from "../parts/task";
import { signIn } from "../session";
import type { KeptMail, Me, SignedUp } from "../wire";
import { Card } from "./Card";
import { CodeForm, Resend } from "./Verify";

type Waiting = { email: string; password: string; mail: SignedUp["mail"] };

export function SignUp() {
  const [waiting, setWaiting] = useState<Waiting>();
  const { busy, problem, run } = useTask();
  const submit = (form: FormData) =>
    run(async () => {
      const [email, name, password] = ["email", "name", "password"].map((key) => String(form.get(key)));
      const made = await request<SignedUp>("POST", "/api/v1/auth/signup", { body: { email, name, password }, open: true });
      setWaiting({ email: made.user.email, password: password!, mail: made.mail });
    });
  if (waiting) return <CheckMail {...waiting} />;
  return (
    <Card title="Create an account">
      <form onSubmit={(event) => (event.preventDefault(), void submit(new FormData(event.currentTarget)))}>
        <Field label="Name" name="name" hint="What others see." autoComplete="name" maxLength={64} required autoFocus problem={problem} />
        <Field label="E-mail" name="email" type="email" autoComplete="username" required problem={problem} />
        <Field label="Password" name="password" type="password" hint="10 characters or more, hard to guess; several words are fine." autoComplete="new-password" minLength={10} maxLength={256} required problem={problem} />
        <Notice problem={problem} />
        <button disabled={busy}>{busy ? "Creating…" : "Create account"}</button>
      </form>
      <p>Already here? <Link to="/signin">Sign in</Link></p>
    </Card>
  );
}

function CheckMail({ email, password, mail }: Waiting) {
  const go = useNavigate();
  const { busy, problem, run } = useTask();
  const [mails, setMails] = useState(1);
  const kept = useKeptMail(mail === "kept" ? email : undefined, mails);
  const verify = async (token: string) => {
    await request<Me>("POST", "/api/v1/auth/verify", { body: { token }, open: true });
    await signIn(email, password);
    await go("/", { replace: true });
  };
  return (
    <Card title="Check your mail">
      <p>A link and a code are on their way to <strong>{email}</strong>.</p>
      {kept?.code && (
        <div className="kept">
          <p>This hub sends no mail: it kept the message here. “{kept.subject}”</p>
          <button disabled={busy} onClick={() => run(() => verify(kept.code!))}>Verify now</button>
        </div>
      )}
      <CodeForm verify={verify} />
      <Notice problem={problem} />
      <p><Resend email={email} onSent={() => setMails(mails + 1)} /></p>
    </Card>
  );
}

/** The newest kept mail to an address. The hub keeps it a moment after sign-up, so that a few looks may be needed. */
function useKeptMail(to: string | undefined, mails: number): KeptMail | undefined {
  const [mail, setMail] = useState<KeptMail>();
  useEffect(() => {
    if (!to) return;
    let looks = 0;
    const timer = setInterval(async () => {
      if (++looks >= 20) clearInterval(timer);
      // Only the hub's own machine may read kept mail: for others this page asks for the code.
      const found = await request<{ items: KeptMail[] }>("GET", `/api/v1/mail?to=${encodeURIComponent(to)}`, { open: true }).catch(() => undefined);
      const newest = found?.items[0];
      if (!newest) return;
      // A newer mail makes the code of an older one worthless.
      if (found.items.length >= mails) clearInterval(timer);
      setMail(newest);
    }, 500);
    return () => clearInterval(timer);
  }, [to, mails]);
  return mail;
}
