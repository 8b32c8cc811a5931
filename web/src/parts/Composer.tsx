// Where a message is written: Enter sends, Shift+Enter begins a new line, @ names people, files go with it.

import { type ClipboardEvent, type KeyboardEvent, type RefObject, useEffect, useId, useRef, useState } from "react";
import type { Message } from "../live/fold";
import type { Member } from "../wire";
import { beginning, candidates } from "./mentions";
import { gist } from "./Row";

const MOST_BYTES = 16 * 1024;
export const MOST_FILES = 10;

/** On a phone the focus brings up half a screen of keys, which nobody asked for. */
const hasKeyboard = matchMedia("(hover: hover)").matches;

/** What is being written is about another message: an answer to it, or its new text. */
export type Intent = { to: "reply" | "edit"; message: Message };

type Props = {
  /** Under which name what is not sent yet waits. */
  draft: string;
  placeholder: string; people: readonly Member[];
  intent?: Intent; onIntent: (intent: Intent | undefined) => void;
  files: File[]; onFiles: (files: File[]) => void;
  /** Answers whether it is said: until then the text stays. */
  onSay: (body: string, files: File[]) => boolean | Promise<boolean>;
  onEditLast: () => void;
  onTyping: (on: boolean) => void;
  /** What is being sent, while it is. */
  sending?: string;
};

/** What was not sent yet, by person and room: it waits there while one looks elsewhere. */
const drafts = new Map<string, string>();

export function Composer({ draft, placeholder, people, intent, onIntent, files, onFiles, onSay, onEditLast, onTyping, sending }: Props) {
  const [text, setText] = useState(drafts.get(draft) ?? "");
  const box = useRef<HTMLTextAreaElement>(null);
  const isEdit = intent?.to === "edit";
  useIntent(intent, box, setText, () => drafts.get(draft) ?? "");
  const change = (next: string) => {
    setText(next);
    if (isEdit) return;
    drafts.set(draft, next);
    onTyping(next !== "");
  };
  const size = new TextEncoder().encode(text).length;
  const ready = (text.trim() !== "" || (files.length > 0 && !isEdit)) && size <= MOST_BYTES && !sending;
  const say = async () => {
    if (!ready) return;
    const answer = onSay(text.trim() === "" ? "" : text, isEdit ? [] : files);
    if (answer !== true && !(await answer)) return;
    if (!isEdit) {
      drafts.delete(draft);
      setText("");
      onFiles([]);
    }
    onIntent(undefined);
  };
  const names = useNames(text, box, people, (next, caret) => {
    change(next);
    requestAnimationFrame(() => box.current?.setSelectionRange(caret, caret));
  });
  const key = (event: KeyboardEvent) => {
    // While a word is being composed, its keys are its own.
    if (event.nativeEvent.isComposing || names.key(event)) return;
    if (event.key === "Escape" && intent) return (event.stopPropagation(), onIntent(undefined));
    if (event.key === "ArrowUp" && text === "" && !intent) return (event.preventDefault(), onEditLast());
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    void say();
  };
  const paste = (event: ClipboardEvent) => {
    if (!event.clipboardData.files.length || isEdit) return;
    event.preventDefault();
    onFiles([...files, ...event.clipboardData.files].slice(0, MOST_FILES));
  };
  return (
    <form className="composer" onSubmit={(event) => (event.preventDefault(), void say())}>
      {intent && (
        <p className="intent" role="status">
          <span dir="auto">{isEdit ? "Changing your message" : `Answering ${gist(intent.message)}`}</span>
          <button type="button" className="quiet" aria-label="Stop (Escape)" title="Stop (Escape)" onClick={() => onIntent(undefined)}>✕</button>
        </p>
      )}
      {names.list}
      <textarea ref={box} aria-label={placeholder} placeholder={placeholder} rows={Math.min(text.split("\n").length, 8)} dir="auto" value={text} readOnly={sending !== undefined}
        onChange={(event) => (change(event.target.value), names.look())} onSelect={names.look} onKeyDown={key} onPaste={paste} onBlur={names.close} {...names.aria} autoFocus={hasKeyboard} />
      {!isEdit && (
        <label className="button quiet" title="Send files">
          +<span className="roomy"> Files</span><input type="file" multiple aria-label="Send files" className="unseen" disabled={sending !== undefined} onChange={(event) => (onFiles([...files, ...(event.target.files ?? [])].slice(0, MOST_FILES)), (event.target.value = ""))} />
        </label>
      )}
      <button disabled={!ready}>{isEdit ? "Save" : "Send"}</button>
      {files.length > 0 && !isEdit && (
        <ul className="chosen" aria-label="Files to send">
          {files.map((file, at) => (
            <li key={at}>
              <span dir="auto">{file.name}</span> {!sending && <button type="button" className="quiet" aria-label={`Do not send ${file.name}`} onClick={() => onFiles(files.filter((_, other) => other !== at))}>✕</button>}
            </li>
          ))}
        </ul>
      )}
      {sending && <small className="hint wide" role="status">{sending}</small>}
      {size > MOST_BYTES && <small className="error wide" role="alert">A message holds 16 KiB; this is {Math.ceil(size / 1024)} KiB.</small>}
    </form>
  );
}

/** Shows the text that is to be changed, and afterwards what was being written before. */
function useIntent(intent: Intent | undefined, box: RefObject<HTMLTextAreaElement | null>, setText: (text: string) => void, before: () => string) {
  const was = useRef(intent);
  useEffect(() => {
    const last = was.current;
    was.current = intent;
    if (intent === last) return;
    if (intent?.to === "edit") setText(intent.message.body);
    else if (last?.to === "edit") setText(before());
    box.current?.focus();
    // `before` and `setText` belong to the room that is shown: only what is meant changes.
  }, [intent]);
}

/** People who could be meant by what is written after `@`: the arrows choose, Enter or Tab takes one. */
function useNames(text: string, box: RefObject<HTMLTextAreaElement | null>, people: readonly Member[], take: (text: string, caret: number) => void) {
  const id = useId();
  const [caret, setCaret] = useState<number>();
  const [at, setAt] = useState(0);
  const begun = caret === undefined ? undefined : beginning(text, caret);
  const found = begun ? candidates(begun.start, people) : [];
  const chosen = found[Math.min(at, found.length - 1)];
  const close = () => setCaret(undefined);
  const look = () => (setCaret(box.current?.selectionStart), setAt(0));
  const choose = (name: string) => {
    if (!begun || caret === undefined) return;
    const start = `${text.slice(0, begun.at)}@${name} `;
    take(start + text.slice(caret).replace(/^ /, ""), start.length);
    close();
  };
  const key = (event: KeyboardEvent): boolean => {
    if (!chosen) return false;
    const step = { ArrowDown: 1, ArrowUp: found.length - 1 }[event.key];
    if (step !== undefined) setAt((at + step) % found.length);
    else if (event.key === "Escape") close();
    else if ((event.key === "Enter" && !event.shiftKey) || event.key === "Tab") choose(chosen.name);
    else return false;
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  const list = chosen && (
    <ul id={id} className="names" role="listbox" aria-label="People">
      {found.map((one) => (
        <li key={one.id} id={`${id}-${one.id}`} role="option" aria-selected={one === chosen} dir="auto" onPointerDown={(event) => (event.preventDefault(), choose(one.name))}>{one.name}</li>
      ))}
    </ul>
  );
  const aria = { "aria-autocomplete": "list", "aria-controls": chosen && id, "aria-activedescendant": chosen && `${id}-${chosen.id}` } as const;
  return { list, key, look, close, aria };
}
