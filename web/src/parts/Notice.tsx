// What went wrong, what to do next, and what to tell whoever runs the hub.

import type { Problem } from "../api";

export function Notice({ problem }: { problem: Problem | undefined }) {
  if (!problem) return null;
  const { code, hint, request_id: request } = problem.body;
  // Some hints are commands for a terminal: here the page itself offers what to do.
  const isForHere = hint !== undefined && !hint.includes("`mshub ");
  return (
    <div className="notice" role="alert">
      <p>{sentence(problem.message)} {code && <code>{code}</code>}</p>
      {isForHere && <p>{sentence(hint)}</p>}
      {request && problem.status >= 500 && <p>Request <code>{request}</code></p>}
    </div>
  );
}

/** The hub's words begin small, since they also stand in the middle of a line. */
const sentence = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);
