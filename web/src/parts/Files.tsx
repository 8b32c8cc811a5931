// Files of a message: small pictures, names, and a way to have them.

import { useEffect, useState } from "react";
import { content } from "../api";
import type { RoomFile } from "../wire";
import { Notice } from "./Notice";
import { useTask } from "./task";
import { bytes } from "./text";

export function Files({ files }: { files: readonly RoomFile[] }) {
  if (!files.length) return null;
  return <ul className="files">{files.map((file) => <li key={file.id}><One file={file} /></li>)}</ul>;
}

function One({ file }: { file: RoomFile }) {
  const { busy, problem, run } = useTask();
  const small = useThumbnail(file);
  return (
    <>
      {small && <img src={small} alt="" />}
      <button className="quiet" disabled={busy} onClick={() => run(() => save(file))} title={`sha256 ${file.sha256}`}>
        <span dir="auto">{file.name}</span> <small className="hint">{bytes(file.bytes)}</small>
      </button>
      <Notice problem={problem} />
    </>
  );
}

/** Fetches a file, which only members may have, and hands it to the browser under its name. */
async function save(file: RoomFile): Promise<void> {
  const url = URL.createObjectURL(await content(`/api/v1/files/${file.id}`));
  const anchor = document.createElement("a");
  anchor.href = url;
  anchor.download = file.name;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** The hub's small picture of a picture, as long as this is shown. */
function useThumbnail({ id, media_type }: RoomFile): string | undefined {
  const [url, setUrl] = useState<string>();
  useEffect(() => {
    if (!media_type.startsWith("image/")) return;
    let made: string | undefined;
    let gone = false;
    // Without it, the name is there.
    void content(`/api/v1/files/${id}/thumbnail`).then((blob) => gone || setUrl((made = URL.createObjectURL(blob))), () => undefined);
    return () => {
      gone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [id, media_type]);
  return url;
}
