// Where a message is written: Enter sends, Shift+Enter begins a new line, files go with it.

import { type KeyboardEvent, useState } from "react";

const MOST_BYTES = 16 * 1024;
const MOST_FILES = 10;

type Props = { onSay: (body: string, files: File[]) => void; placeholder: string; busy: boolean };

export function Composer({ onSay, placeholder, busy }: Props) {
  const [text, setText] = useState("");
  const [files, setFiles] = useState<File[]>([]);
  const size = new TextEncoder().encode(text).length;
  const ready = (text.trim() !== "" || files.length > 0) && size <= MOST_BYTES && !busy;
  const say = () => {
    if (!ready) return;
    onSay(text.trim() === "" ? "" : text, files);
    setText("");
    setFiles([]);
  };
  const key = (event: KeyboardEvent) => {
    // While a word is being composed, Enter chooses it.
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    say();
  };
  return (
    <form className="composer" onSubmit={(event) => (event.preventDefault(), say())}>
      <textarea aria-label={placeholder} placeholder={placeholder} rows={Math.min(text.split("\n").length, 8)} dir="auto" value={text} onChange={(event) => setText(event.target.value)} onKeyDown={key} autoFocus />
      <label className="button quiet" title="Send files">
        + Files<input type="file" multiple className="unseen" onChange={(event) => (setFiles([...files, ...(event.target.files ?? [])].slice(0, MOST_FILES)), (event.target.value = ""))} />
      </label>
      <button disabled={!ready}>Send</button>
      {files.length > 0 && (
        <ul className="chosen" aria-label="Files to send">
          {files.map((file, at) => (
            <li key={at}>
              <span dir="auto">{file.name}</span> <button type="button" className="quiet" aria-label={`Do not send ${file.name}`} onClick={() => setFiles(files.filter((_, other) => other !== at))}>✕</button>
            </li>
          ))}
        </ul>
      )}
      {size > MOST_BYTES && <small className="error" role="alert">A message holds 16 KiB; this is {Math.ceil(size / 1024)} KiB.</small>}
    </form>
  );
}
