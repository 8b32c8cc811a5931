// A labelled field with its hint and its error, tied together for people who do not see them.

import { type InputHTMLAttributes, useId } from "react";
import type { Problem } from "../api";

type Props = InputHTMLAttributes<HTMLInputElement> & {
  label: string;
  name: string;
  hint?: string;
  /** The last answer: its error for this field is shown here. */
  problem?: Problem;
};

export function Field({ label, hint, problem, ...input }: Props) {
  const id = useId();
  const error = problem?.field(input.name);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} {...input} aria-invalid={error ? true : undefined} aria-describedby={`${id}-note`} />
      <small id={`${id}-note`} className={error ? "error" : "hint"}>{error ?? hint}</small>
    </div>
  );
}
