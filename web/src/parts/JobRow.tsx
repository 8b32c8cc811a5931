// One conversion from the first byte that leaves to the download.

import * as m from "motion/react-m";
import type { ReactNode } from "react";
import { request } from "../api";
import { live } from "../live/hub";
import { again, drop, type Left, type Upload } from "../uploads/list";
import type { Job, ResultLink } from "../wire";
import { Lost, ReportPanel } from "./Report";
import { Notice } from "./Notice";
import { useTask } from "./task";
import { bytes } from "./text";

type RowProps = { name: string; to: string; state: string; status: ReactNode; bar?: number | "unknown"; children?: ReactNode };

function Row({ name, to, state, status, bar, children }: RowProps) {
  return (
    <m.li className={`job ${state}`} initial={{ opacity: 0, y: -6 }} animate={{ opacity: 1, y: 0 }} exit={{ opacity: 0 }} transition={{ duration: 0.15 }}>
      <b dir="auto">{name}</b> <span className="hint">→ {to}</span>
      <span className="status" role="status">{status}</span>
      {bar !== undefined && <progress max={100} value={bar === "unknown" ? undefined : bar} aria-label={`Progress of ${name}`} />}
      {children}
    </m.li>
  );
}

export function UploadRow({ one }: { one: Upload }) {
  const percent = one.file.size ? Math.floor((100 * one.offset) / one.file.size) : 0;
  const failed = one.state === "failed";
  return (
    <Row name={one.file.name} to={one.to} state={failed ? "failed" : "uploading"} bar={failed ? undefined : percent} status={uploadStatus(one, percent)}>
      <span className="actions">
        {failed && <button className="quiet" onClick={() => again(one.key)}>Try again</button>}
        <button className="quiet" onClick={() => drop(one.key)}>{failed ? "Dismiss" : "Stop"}</button>
      </span>
    </Row>
  );
}

function uploadStatus({ state, why, file }: Upload, percent: number): ReactNode {
  if (state === "failed") return <span className="error">✕ {why}</span>;
  if (state === "in line") return "waits for the files before it";
  return why ? `${percent} % of ${bytes(file.size)} is there. ${why} It goes on by itself.` : `uploading, ${percent} % of ${bytes(file.size)}`;
}

/** Part of a file that an earlier page brought to the hub. */
export function LeftRow({ left: { file, offset }, forget }: { left: Left; forget: () => void }) {
  const percent = Math.floor((100 * offset) / Math.max(file.size, 1));
  return (
    <Row name={file.name} to={file.to} state="uploading" bar={percent} status={`${percent} % of ${bytes(file.size)} is there`}>
      <small className="hint">The upload was cut off. Choose the same file again, to {file.to}, and it goes on where it was.</small>
      <span className="actions"><button className="quiet" onClick={forget}>Give it up</button></span>
    </Row>
  );
}

export function JobRow({ job }: { job: Job }) {
  const { busy, problem, run } = useTask();
  const change = (verb: "cancel" | "retry") => run(async () => live.addJobs([await request<Job>("POST", `/api/v1/conversions/${job.id}/${verb}`)]));
  const remove = () => run(async () => (await request("DELETE", `/api/v1/conversions/${job.id}`), live.forgetJob(job.id)));
  const waiting = job.state === "queued" || job.state === "in_progress";
  const hasReport = job.state === "completed" || job.state === "failed";
  return (
    <Row name={job.name} to={job.to} state={job.state} status={status(job)} bar={waiting ? (job.progress?.percent ?? "unknown") : undefined}>
      {job.degraded && <Lost lost={job.lost} />}
      <span className="actions">
        {hasReport && <ReportPanel job={job} />}
        {!waiting && <button className="quiet" disabled={busy} onClick={remove}>Remove</button>}
        {waiting && <button className="quiet" disabled={busy} onClick={() => change("cancel")}>Cancel</button>}
        {job.state === "failed" && <button className="quiet" disabled={busy} onClick={() => change("retry")}>Try again</button>}
        {job.state === "completed" && <button disabled={busy} onClick={() => run(() => download(job.id))}>Download</button>}
      </span>
      <Notice problem={problem} />
    </Row>
  );
}

function status(job: Job): ReactNode {
  switch (job.state) {
    case "uploading": return "uploading";
    case "queued": return job.position ? `in line, ${job.position} before it` : "in line, next";
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
