// What is shown instead of a page that could not be opened.

import { Link, useRevalidator, useRouteError } from "react-router";
import { Notice } from "../parts/Notice";
import { asProblem } from "../parts/task";

export function Failed() {
  const problem = asProblem(useRouteError());
  const { revalidate, state } = useRevalidator();
  if (problem.status === 401) return <p className="empty"><Link to="/signin">Sign in again</Link></p>;
  return (
    <div className="failed">
      <Notice problem={problem} />
      <button disabled={state === "loading"} onClick={() => void revalidate()}>Try again</button>
    </div>
  );
}
