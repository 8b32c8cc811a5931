// What went wrong, what to do next, and what to tell whoever runs the hub.

import type { Problem } from "../api";

export function Notice({ problem }: { problem: Problem | undefined }) {
  if (!problem) return null;
  const { code, hint, request_id: request } = problem.body;
  return (
    <div className="notice" role="alert">
      <p>{problem.message} {code && <code>{code}</code>}</p>
      {hint && <p>{hint}</p>}
      {request && problem.status >= 500 && <p>Request <code>{request}</code></p>}
    </div>
  );
}
