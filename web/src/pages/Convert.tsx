// Drop files, choose a format, watch, download.

import { AnimatePresence, domAnimation, LazyMotion, MotionConfig } from "motion/react";
import { type DragEvent, useEffect, useState } from "react";
import { Link, useLoaderData } from "react-router";
import { request } from "../api";
import { live, useLive } from "../live/hub";
import { JobRow, LeftRow, UploadRow } from "../parts/JobRow";
import { Notice } from "../parts/Notice";
import { useTask } from "../parts/task";
import { ending } from "../parts/text";
import { user } from "../session";
import { add, forget, type Left, left, useUploads } from "../uploads/list";
import type { FormatPair, Jobs } from "../wire";

type Loaded = { pairs: FormatPair[]; jobs: Jobs; left: Left[] };

const PAGE = 20;

export async function loadConvert(): Promise<Loaded> {
  const [formats, jobs, begun] = await Promise.all([
    request<{ items: FormatPair[] }>("GET", "/api/v1/conversions/formats"),
    request<Jobs>("GET", `/api/v1/conversions?limit=${PAGE}`),
    left(),
  ]);
  return { pairs: formats.items, jobs, left: begun };
}

export function Convert() {
  const { pairs, jobs, left: begun } = useLoaderData<Loaded>();
  useEffect(() => live.addJobs(jobs.items), [jobs]);
  const known = useLive((state) => state.jobs);
  const uploads = useUploads();
  const [forgotten, setForgotten] = useState<string[]>([]);
  const [to, setTo] = useState("pdf");
  const [refused, setRefused] = useState<string[]>([]);
  const [over, setOver] = useState(false);
  const targets = [...new Set(pairs.map((pair) => pair.to))].sort();
  const fitting = pairs.filter((pair) => pair.to === to);
  const take = (files: Iterable<File>) => {
    const all = [...files];
    const already = all.filter((file) => ending(file.name) === to && !fitting.some((pair) => pair.from === to));
    setRefused(already.map((file) => `${file.name} is ${to} already.`));
    all.filter((file) => !already.includes(file)).forEach((file) => add(file, to));
  };
  const dropped = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files);
  };
  // The row of an upload stands for its job until the hub has the whole file.
  const rows = Object.values(known).filter((job) => job.state !== "uploading").sort((a, b) => b.created_at.localeCompare(a.created_at));
  const parts = begun.filter(({ mark, file }) => !forgotten.includes(mark) && !uploads.some((one) => one.file.name === file.name && one.to === file.to) && !rows.some((job) => job.name === file.name && job.to === file.to && job.bytes_in === file.size));
  return (
    <section className={over ? "convert over" : "convert"} onDragOver={(event) => (event.preventDefault(), setOver(true))} onDragLeave={(event) => event.currentTarget.contains(event.relatedTarget as Node) || setOver(false)} onDrop={dropped}>
      <h1>Convert</h1>
      <div className="drop">
        <p>
          <label htmlFor="to">Convert to</label>{" "}
          <select id="to" value={to} onChange={(event) => setTo(event.target.value)}>{targets.map((name) => <option key={name}>{name}</option>)}</select>
        </p>
        <p>Drop files anywhere here, or <label className="button">choose files<input type="file" multiple className="unseen" onChange={(event) => (take(event.target.files ?? []), (event.target.value = ""))} /></label></p>
        <p className="hint">From: {list(fitting.filter((pair) => !pair.consent)) || "nothing"}</p>
        <Elsewhere pairs={fitting.filter((pair) => pair.consent)} />
        {refused.map((why) => <p key={why} className="error" role="alert">{why}</p>)}
      </div>
      {!uploads.length && !rows.length && !parts.length && <p className="empty">Nothing converted yet. Choose a document, and its {to} appears here.</p>}
      <ul className="jobs">
        <MotionConfig reducedMotion="user">
          <LazyMotion features={domAnimation} strict>
            <AnimatePresence initial={false}>
              {parts.map((one) => <LeftRow key={one.mark} left={one} forget={() => (forget(one.mark), setForgotten([...forgotten, one.mark]))} />)}
              {uploads.map((one) => <UploadRow key={one.key} one={one} />)}
              {rows.map((job) => <JobRow key={job.id} job={job} />)}
            </AnimatePresence>
          </LazyMotion>
        </MotionConfig>
      </ul>
      <Earlier next={jobs.next} />
    </section>
  );
}

const list = (pairs: FormatPair[]): string => [...new Set(pairs.map((pair) => pair.from))].sort().join(", ");

/** What only services of somebody else convert. */
function Elsewhere({ pairs }: { pairs: FormatPair[] }) {
  if (!pairs.length) return null;
  return (
    <p className="hint">
      {user()?.allow_third_party ? "By services of others, as your profile allows: " : "Only by services of others, which "}
      {!user()?.allow_third_party && <><Link to="/profile">your profile</Link> does not allow: </>}{list(pairs)}
    </p>
  );
}

function Earlier({ next }: { next: string | undefined }) {
  const { busy, problem, run } = useTask();
  const [cursor, setCursor] = useState(next);
  const more = () =>
    run(async () => {
      const page = await request<Jobs>("GET", `/api/v1/conversions?${new URLSearchParams({ limit: String(PAGE), cursor: cursor! })}`);
      live.addJobs(page.items);
      setCursor(page.next);
    });
  return (
    <>
      <Notice problem={problem} />
      {cursor && <p><button className="quiet" disabled={busy} onClick={() => void more()}>Show earlier conversions</button></p>}
    </>
  );
}
