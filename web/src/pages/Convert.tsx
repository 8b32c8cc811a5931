// Drop files, choose a format, watch, download.

import { AnimatePresence } from "motion/react";
import { type DragEvent, useEffect, useState } from "react";
import { useLoaderData } from "react-router";
import { request, upload } from "../api";
import { newId } from "../ids";
import { live, useLive } from "../live/hub";
import { JobRow, UploadRow, type Upload } from "../parts/JobRow";
import { asProblem } from "../parts/task";
import { ending } from "../parts/text";
import type { FormatPair, Job } from "../wire";

type Loaded = { pairs: FormatPair[]; jobs: Job[] };

export async function loadConvert(): Promise<Loaded> {
  const [formats, jobs] = await Promise.all([
    request<{ items: FormatPair[] }>("GET", "/api/v1/conversions/formats"),
    request<{ items: Job[] }>("GET", "/api/v1/conversions?limit=20"),
  ]);
  return { pairs: formats.items, jobs: jobs.items };
}

export function Convert() {
  const { pairs, jobs } = useLoaderData<Loaded>();
  useEffect(() => live.addJobs(jobs), [jobs]);
  const known = useLive((state) => state.jobs);
  const { uploads, add, drop } = useUploads();
  const [to, setTo] = useState("pdf");
  const [over, setOver] = useState(false);
  const targets = [...new Set(pairs.map((pair) => pair.to))].sort();
  const take = (files: Iterable<File>) => [...files].forEach((file) => void add(file, to));
  const dropped = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files);
  };
  // The row of an upload stands for its job until the hub has the whole file.
  const rows = Object.values(known).filter((job) => job.state !== "uploading").sort((a, b) => b.created_at.localeCompare(a.created_at));
  return (
    <section className="convert" onDragOver={(event) => (event.preventDefault(), setOver(true))} onDragLeave={() => setOver(false)} onDrop={dropped}>
      <h1>Convert</h1>
      <div className={over ? "drop over" : "drop"}>
        <p>
          <label htmlFor="to">Convert to</label>{" "}
          <select id="to" value={to} onChange={(event) => setTo(event.target.value)}>{targets.map((name) => <option key={name}>{name}</option>)}</select>
        </p>
        <p>Drop files anywhere here, or <label className="button">choose files<input type="file" multiple className="unseen" onChange={(event) => (take(event.target.files ?? []), (event.target.value = ""))} /></label></p>
        <p className="hint">From: {[...new Set(pairs.filter((pair) => pair.to === to).map((pair) => pair.from))].sort().join(", ") || "nothing"}</p>
      </div>
      {!uploads.length && !rows.length && <p className="empty">Nothing converted yet.</p>}
      <ul className="jobs" aria-live="polite">
        <AnimatePresence initial={false}>
          {uploads.map((one) => <UploadRow key={one.key} one={one} drop={() => drop(one.key)} again={() => (drop(one.key), void add(one.file, one.to, one.key))} />)}
          {rows.map((job) => <JobRow key={job.id} job={job} />)}
        </AnimatePresence>
      </ul>
    </section>
  );
}

const path = (file: File, to: string): string => `/api/v1/conversions?${new URLSearchParams({ to, name: file.name })}`;

function useUploads() {
  const [uploads, setUploads] = useState<Upload[]>([]);
  const change = (key: string, how: Partial<Upload>) => setUploads((all) => all.map((one) => (one.key === key ? { ...one, ...how } : one)));
  const drop = (key: string) => {
    uploads.find((one) => one.key === key)?.stop.abort();
    setUploads((all) => all.filter((one) => one.key !== key));
  };
  const add = async (file: File, to: string, key = newId()) => {
    const one: Upload = { key, file, to, share: 0, stop: new AbortController() };
    setUploads((all) => [one, ...all]);
    if (ending(file.name) === to) return change(one.key, { why: `This is ${to} already.` });
    try {
      live.addJobs([await upload<Job>(path(file, to), key, file, (share) => change(one.key, { share }), one.stop.signal)]);
      setUploads((all) => all.filter((other) => other.key !== one.key));
    } catch (error) {
      if (!one.stop.signal.aborted) change(one.key, { why: asProblem(error).message });
    }
  };
  return { uploads, add, drop };
}
