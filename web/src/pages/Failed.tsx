// What is shown instead of a page that could not be opened.

import { Link, useRevalidator, useRouteError } from "react-router";
import { Problem } from "../api";
import { Notice } from "../parts/Notice";
import { asProblem } from "../parts/task";

export function Failed() {
  const error = useRouteError();
  const problem = asProblem(error);
  const { revalidate, state } = useRevalidator();
  if (problem.status === 401) return <p className="empty"><Link to="/signin">Sign in again</Link></p>;
  return (
    <div className="failed">
      <Notice problem={problem} />
      {error instanceof Problem
        ? <button disabled={state === "loading"} onClick={() => void revalidate()}>Try again</button>
        // Such as a part of this page that a renewed hub does not have any more.
        : <button onClick={() => location.reload()}>Reload the page</button>}
    </div>
  );
}
