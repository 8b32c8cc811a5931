// What one may do to a message: a menu beside it, for the pointer and for the keyboard.

import { type KeyboardEvent, useLayoutEffect, useRef } from "react";
import type { Message } from "../live/fold";
import type { Deed } from "../live/may";

export const SIGNS = ["👍", "❤️", "😂", "🎉", "😮", "😢", "👀", "✅"];

const WORDS: [Deed | "copy", string][] = [
  ["reply", "Reply"], ["edit", "Edit"], ["pin", "Pin"], ["unpin", "Unpin"], ["copy", "Copy text"], ["redact", "Remove"],
];

/** Clipboards exist on https and localhost only. */
const canCopy = "clipboard" in navigator;

type Props = {
  message: Message; beside: Element; may: ReadonlySet<Deed>;
  onDo: (deed: Deed | "copy") => void;
  onSign: (sign: string) => void;
  onClose: () => void;
};

export function Menu({ message, beside, may, onDo, onSign, onClose }: Props) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const menu = box.current!;
    menu.showPopover();
    const { top, bottom, right } = beside.getBoundingClientRect();
    const below = bottom + menu.offsetHeight <= innerHeight - 8;
    menu.style.top = `${Math.max(8, below ? bottom : top - menu.offsetHeight)}px`;
    menu.style.left = `${Math.max(8, Math.min(right, innerWidth - 8) - menu.offsetWidth)}px`;
    menu.querySelector("button")?.focus();
  }, [beside]);
  const key = (event: KeyboardEvent) => {
    const all = [...box.current!.querySelectorAll("button")];
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    // The signs are one line of it.
    const isSign = at < SIGNS.length;
    const to: Record<string, number> = {
      ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1,
      ArrowDown: isSign ? SIGNS.length : at + 1, ArrowUp: at === SIGNS.length ? 0 : isSign ? all.length - 1 : at - 1,
    };
    const next = to[event.key];
    if (event.key === "Tab") onClose();
    if (next === undefined) return;
    event.preventDefault();
    all.at(next % all.length)?.focus();
  };
  const chosen = (what: () => void) => () => {
    if (beside instanceof HTMLElement) beside.focus();
    onClose();
    what();
  };
  return (
    <div ref={box} className="menu" role="menu" aria-label={`Message of ${message.event.name}`} popover="auto" onKeyDown={key} onToggle={(event) => event.newState === "closed" && onClose()}>
      <div className="pick" role="group" aria-label="React">
        {SIGNS.map((sign) => <button key={sign} role="menuitem" className="plain" aria-label={`React with ${sign}`} onClick={chosen(() => onSign(sign))}>{sign}</button>)}
      </div>
      {WORDS.filter(([deed]) => (deed === "copy" ? message.body !== "" && canCopy : may.has(deed))).map(([deed, word]) => (
        <button key={deed} role="menuitem" className={deed === "redact" ? "plain error" : "plain"} onClick={chosen(() => onDo(deed))}>{word}</button>
      ))}
    </div>
  );
}
