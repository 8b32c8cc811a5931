// Something that opens under its name and closes with Escape, or, when it lies over the page, with a press elsewhere.

import { type ReactNode, useEffect, useRef } from "react";

type Props = { title: ReactNode; className?: string; over?: boolean; onOpen?: () => void; children: ReactNode };

export function Panel({ title, className, over, onOpen, children }: Props) {
  const box = useRef<HTMLDetailsElement>(null);
  const close = (event: { key: string; stopPropagation(): void }) => {
    if (event.key !== "Escape" || !box.current?.open) return;
    event.stopPropagation();
    box.current.open = false;
    box.current.querySelector("summary")?.focus();
  };
  useEffect(() => {
    if (!over) return;
    const look = ({ target }: PointerEvent) => {
      if (box.current?.open && !box.current.contains(target as Node)) box.current.open = false;
    };
    document.addEventListener("pointerdown", look);
    // A button that is pressed and then disabled takes the focus away with it: the key is heard everywhere.
    document.addEventListener("keydown", close);
    return () => (document.removeEventListener("pointerdown", look), document.removeEventListener("keydown", close));
  }, [over]);
  return (
    <details ref={box} className={className} onKeyDown={close} onToggle={(event) => event.currentTarget.open && onOpen?.()}>
      <summary>{title}</summary>
      {over ? <div className="sheet">{children}</div> : children}
    </details>
  );
}
