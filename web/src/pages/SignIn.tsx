// Sign in with e-mail and password.

import { useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { Field } from "../parts/Field";
import { Notice } from "../parts/Notice";
import { useTask } from "../parts/task";
import { signIn } from "../session";
import { Card } from "./Card";
import { Resend } from "./Verify";

export function SignIn() {
  const { busy, problem, run } = useTask();
  const go = useNavigate();
  const [query] = useSearchParams();
  const next = query.get("next") ?? "/";
  const [unverified, setUnverified] = useState("");
  const submit = (form: FormData) =>
    run(async () => {
      setUnverified(String(form.get("email")));
      await signIn(String(form.get("email")), String(form.get("password")));
      // Only a path of this page: a link must not be able to send people elsewhere.
      await go(/^\/(?![/\\])/.test(next) ? next : "/", { replace: true });
    });
  return (
    <Card title="Sign in">
      <form onSubmit={(event) => (event.preventDefault(), void submit(new FormData(event.currentTarget)))}>
        <Field label="E-mail" name="email" type="email" autoComplete="username" required autoFocus problem={problem} />
        <Field label="Password" name="password" type="password" autoComplete="current-password" required problem={problem} />
        <Notice problem={problem} />
        {problem?.body.code === "MSH-4030" && <p><Link to="/verify">Enter the code from the mail</Link>, or: <Resend email={unverified} /></p>}
        <button disabled={busy}>{busy ? "Signing in…" : "Sign in"}</button>
      </form>
      <p>No account yet? <Link to="/signup">Sign up</Link></p>
    </Card>
  );
}
