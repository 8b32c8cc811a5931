// Where a message is written: Enter sends, Shift+Enter begins a new line.

import { type KeyboardEvent, useState } from "react";

const MOST_BYTES = 16 * 1024;

export function Composer({ onSay, placeholder }: { onSay: (body: string) => void; placeholder: string }) {
  const [text, setText] = useState("");
  const size = new TextEncoder().encode(text).length;
  const ready = text.trim() !== "" && size <= MOST_BYTES;
  const say = () => {
    if (!ready) return;
    onSay(text);
    setText("");
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
      <button disabled={!ready}>Send</button>
      {size > MOST_BYTES && <small className="error" role="alert">A message holds 16 KiB; this is {Math.ceil(size / 1024)} KiB.</small>}
    </form>
  );
}
