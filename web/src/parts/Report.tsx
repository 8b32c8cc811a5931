// How good the result of a conversion is: what is missing in it, who made it, and where the file went.

import { useState } from "react";
import { request } from "../api";
import type { Job, Report } from "../wire";
import { Notice } from "./Notice";
import { Panel } from "./Panel";
import { useTask } from "./task";
import { bytes } from "./text";

export function Lost({ lost }: { lost?: string[] }) {
  if (!lost?.length) return <small className="lost">Something is missing in the result; the hub cannot tell what.</small>;
  return (
    <div className="lost">
      <small>Missing in the result:</small>
      <ul>{lost.map((what) => <li key={what}>{what}</li>)}</ul>
    </div>
  );
}

export function ReportPanel({ job }: { job: Job }) {
  const [report, setReport] = useState<Report>();
  const { problem, run } = useTask();
  const open = () => void run(async () => setReport(await request<Report>("GET", `/api/v1/conversions/${job.id}/report`)));
  return (
    <Panel className="report" title="Report" onOpen={open}>
      <Notice problem={problem} />
      {report && <Facts report={report} />}
    </Panel>
  );
}

function Facts({ report }: { report: Report }) {
  const facts: [string, string | false | undefined][] = [
    ["Made by", report.engine && `${report.engine}${report.cached ? ", an earlier time: the same file was converted in the same way before" : ""}`],
    ["Words kept", report.recall !== undefined && `${Math.floor(report.recall * 1000) / 10} %${report.words_in === undefined ? "" : ` of ${report.words_in}`}`],
    ["Pages", report.pages !== undefined && String(report.pages)],
    ["Size", `${bytes(report.bytes_in)}${report.bytes_out === undefined ? "" : ` → ${bytes(report.bytes_out)}`}`],
    ["Time", report.seconds !== undefined && `${report.seconds.toFixed(report.seconds < 10 ? 1 : 0)} s`],
    ["Sent to", report.sent_to?.length ? report.sent_to.join(", ") : "nobody: the file never left the hub"],
    ["Different", report.warnings.join("; ")],
  ];
  return (
    <>
      <dl>{facts.map(([name, text]) => text && <div key={name}><dt>{name}</dt><dd>{text}</dd></div>)}</dl>
      {report.attempts.length > 1 && (
        <>
          <small className="hint">Asked one after the other:</small>
          <ol>{report.attempts.map((one, at) => <li key={at}>{one.engine}: {one.error ? one.error.detail : one.lost?.length ? `missing: ${one.lost.join("; ")}` : "nothing missing"}</li>)}</ol>
        </>
      )}
    </>
  );
}
