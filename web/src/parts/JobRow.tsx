// One conversion from the first byte that leaves to the download.

import * as m from "motion/react-m";
import type { ReactNode } from "react";
import { request } from "../api";
import { live } from "../live/hub";
import type { Job, ResultLink } from "../wire";
import { Notice } from "./Notice";
import { useTask } from "./task";
import { bytes } from "./text";

/** A file on its way to the hub. */
export type Upload = { key: string; file: File; to: string; /** 0 to 1. */ share: number; stop: AbortController; why?: string };

type RowProps = { name: string; to: string; state: string; status: ReactNode; bar?: number | "unknown"; children?: ReactNode };

function Row({ name, to, state, status, bar, children }: RowProps) {
  return (
    <m.li className={`job ${state}`} initial={{ opacity: 0, y: -6 }} animate={{ opacity: 1, y: 0 }} exit={{ opacity: 0 }} transition={{ duration: 0.15 }}>
      <b dir="auto">{name}</b> <span className="hint">→ {to}</span>
      <span className="status">{status}</span>
      {bar !== undefined && <progress max={100} value={bar === "unknown" ? undefined : bar} aria-label={`Progress of ${name}`} />}
      {children}
    </m.li>
  );
}

export function UploadRow({ one, drop, again }: { one: Upload; drop: () => void; again: () => void }) {
  const percent = Math.round(one.share * 100);
  return (
    <Row name={one.file.name} to={one.to} state={one.why ? "failed" : "uploading"} bar={one.why ? undefined : percent}
      status={one.why ? <span className="error">✕ {one.why}</span> : `uploading ${percent} % of ${bytes(one.file.size)}`}>
      <span className="actions">
        {one.why && <button className="quiet" onClick={again}>Try again</button>}
        <button className="quiet" onClick={drop}>{one.why ? "Dismiss" : "Stop"}</button>
      </span>
    </Row>
  );
}

export function JobRow({ job }: { job: Job }) {
  const { busy, problem, run } = useTask();
  const change = (verb: "cancel" | "retry") => run(async () => live.addJobs([await request<Job>("POST", `/api/v1/conversions/${job.id}/${verb}`)]));
  const waiting = job.state === "queued" || job.state === "in_progress";
  return (
    <Row name={job.name} to={job.to} state={job.state} status={status(job)} bar={waiting ? (job.progress?.percent ?? "unknown") : undefined}>
      {job.degraded && <small className="hint">Something is missing: {job.lost?.join("; ") || "not everything could be kept"}</small>}
      <span className="actions">
        {job.state === "completed" && <button disabled={busy} onClick={() => run(() => download(job.id))}>Download</button>}
        {waiting && <button className="quiet" disabled={busy} onClick={() => change("cancel")}>Cancel</button>}
        {job.state === "failed" && <button className="quiet" disabled={busy} onClick={() => change("retry")}>Try again</button>}
      </span>
      <Notice problem={problem} />
    </Row>
  );
}

function status(job: Job): ReactNode {
  switch (job.state) {
    case "uploading": return "uploading";
    case "queued": return job.position ? `queued, ${job.position} before it` : "queued";
    case "in_progress": return [job.progress?.stage ?? "converting", counted(job)].filter(Boolean).join(", ");
    case "completed": return <span title={`sha256 ${job.sha256 ?? ""}`}>✓ {bytes(job.bytes_out ?? 0)}</span>;
    case "failed": return <span className="error">✕ {job.error?.detail ?? "failed"}</span>;
    case "cancelled": return "cancelled";
  }
}

function counted({ progress }: Job): string {
  if (!progress?.total) return "";
  const percent = progress.percent === undefined ? "" : ` (${progress.percent} %)`;
  return `${progress.done} of ${progress.total} ${progress.unit}${percent}`;
}

/** Asks for an expiring link and follows it: the browser saves the file under the name that the link carries. */
async function download(id: string): Promise<void> {
  const link = await request<ResultLink>("GET", `/api/v1/conversions/${id}/result`);
  const anchor = document.createElement("a");
  anchor.href = link.url;
  anchor.download = link.name;
  anchor.click();
}
